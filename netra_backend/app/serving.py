"""Serves until it is asked to end: in this process, or in as many as the settings say."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from functools import partial
from socket import socket
from typing import Final

from .adapters.auth.development_key import development_key
from .adapters.process.clock import SystemEntropy
from .adapters.process.data_directory import lock_data_directory, make_data_directory
from .agents.triage.classifier import prepare
from .config import Settings
from .core.errors import ExtensionError
from .extensions.loading import load_application
from .server.uvicorn_server import listen, run, tell_ready, url_of
from .server.worker_supervisor import supervise

_LOG: Final = logging.getLogger("netra.serving")
EXIT_NOT_SERVABLE: Final = 2


def serve(settings: Settings, *, reload: bool = False) -> None:
    """Serve, with what ``settings.app`` and installed packages add, until SIGTERM or SIGINT.

    ``reload``: start anew whenever a Python file in the directory of ``settings.app`` changes.

    Raises ``ExtensionError`` where something that is added cannot be served, ``ConfigurationError`` where the data directory
    cannot be had, and ``SystemExit`` where the server could not start, or had to stop, or where several processes have ended.
    """
    if settings.workers == 1 and not reload:
        run(load_application(settings), settings)
    else:
        _serve_from_a_parent(settings, _watch(settings) if reload else None)


def _watch(settings: Settings) -> Callable[[], str | None]:
    from .extensions.source_watch import SourceWatch, directory_of  # for development alone

    assert settings.app is not None, "there is nothing to reload without an app"
    watch = SourceWatch(directory_of(settings.app))
    sys.dont_write_bytecode = True  # a change within a second of the last one would meet the code of before
    return watch.changed


def _serve_from_a_parent(settings: Settings, changed: Callable[[], str | None] | None) -> None:
    """What is made once is made here, before there are several who would make it."""
    from .extensions.trial import try_extensions

    try_extensions(settings)
    data_dir = make_data_directory(settings.data_dir)
    lock = lock_data_directory(
        data_dir
    )  # the processes inherit it: the directory is free when the last of them has ended
    if settings.uses_development_key:
        development_key(data_dir, SystemEntropy())
    prepare(data_dir / "triage")
    listeners = listen(settings, settings.workers)
    url = url_of(listeners[0])

    def announce() -> None:
        lock.announce(url)
        tell_ready(url)

    gc.collect()
    gc.freeze()
    code = supervise(settings.workers, partial(_serve_one, settings, listeners), announce, changed=changed)
    lock.release()
    raise SystemExit(code)


def _serve_one(settings: Settings, listeners: list[socket], slot: int, ready: Callable[[], None]) -> None:
    def tell(url: str) -> None:
        _LOG.info("ready", extra={"url": url})
        ready()

    try:
        application = load_application(settings, slot=slot)
    except ExtensionError as error:  # it changed after the first start
        for fault in error.faults:
            _LOG.error("%s", fault)
        raise SystemExit(EXIT_NOT_SERVABLE) from None
    run(application, settings, listener=listeners[slot - 1], tell=tell)
