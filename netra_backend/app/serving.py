"""Serves until it is asked to end: in this process, or in as many as the settings say."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from functools import partial
from socket import socket

from .adapters.auth.development_key import development_key
from .adapters.process.clock import SystemEntropy
from .adapters.process.data_directory import lock_data_directory, make_data_directory
from .agents.supervisor.agent_registry import MakeAgent
from .agents.tools.tool import Tool
from .agents.triage.classifier import prepare
from .config import Settings
from .server.uvicorn_server import listen, run, tell_ready, url_of
from .server.worker_supervisor import supervise
from .wiring import build


def serve(settings: Settings, *, agents: Iterable[MakeAgent] = (), tools: Iterable[Tool] = ()) -> None:
    """Serve until SIGTERM or SIGINT; ``agents`` and ``tools`` are added to ours.

    Raises ``ConfigurationError`` where the data directory cannot be had, and ``SystemExit`` where the server could not start,
    or had to stop, or where several processes have ended.
    """
    if settings.workers == 1:
        run(build(settings, agents=agents, tools=tools), settings)
    else:
        _serve_several(settings, tuple(agents), tuple(tools))


def _serve_several(settings: Settings, agents: tuple[MakeAgent, ...], tools: tuple[Tool, ...]) -> None:
    """What is made once is made here, before there are several who would make it."""
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
    code = supervise(settings.workers, partial(_serve_one, settings, agents, tools, listeners), announce)
    lock.release()
    raise SystemExit(code)


def _serve_one(
    settings: Settings,
    agents: tuple[MakeAgent, ...],
    tools: tuple[Tool, ...],
    listeners: list[socket],
    slot: int,
    ready: Callable[[], None],
) -> None:
    application = build(settings, agents=agents, tools=tools, slot=slot)
    run(application, settings, listener=listeners[slot - 1], tell=lambda _: ready())
