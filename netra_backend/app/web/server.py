"""Runs the application under uvicorn: one JSON line on stdout when it listens, a drain before it goes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any, Final

import uvicorn

from ..config import Settings
from .application import Application
from .uvicorn_http import BoundedHttpProtocol
from .uvicorn_protocol import DirectWebSocketProtocol

_LOG: Final = logging.getLogger("netra.server")
_LAST_WAIT_S: Final = 0.5


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, application: Application, announce: bool) -> None:
        super().__init__(config)
        self._application = application
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        gc.collect()
        gc.freeze()
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        if self._application.runtime is not None:
            self._application.runtime.announce(url)
        if self._announce:
            sys.stdout.write(json.dumps({"ready": True, "url": url}) + "\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._application.drain()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()  # uvicorn would raise them again, and the process would not exit with 0


def configuration(application: Application, settings: Settings) -> uvicorn.Config:
    """How uvicorn runs it. Its own keepalive is off (ours closes with 4409), and so are access logs and compression."""
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "loop": "uvloop",
        "http": BoundedHttpProtocol,
        "ws": DirectWebSocketProtocol,
        "ws_max_size": settings.limits.frame_bytes,
        "ws_ping_interval": None,
        "ws_per_message_deflate": False,
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
        "log_config": None,
        "backlog": 4096,
        "timeout_graceful_shutdown": 2,  # on top of ``Limits.drain_s``, and all of it within ten seconds
    }
    return uvicorn.Config(application, **options)


async def serve(application: Application, settings: Settings, *, announce: bool = True) -> None:
    """Serve until SIGTERM or SIGINT. Raises ``SystemExit`` where the server could not start, or had to stop."""
    await _Server(configuration(application, settings), application, announce).serve()
    if application.failed:
        raise SystemExit(1)


def run(application: Application, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, in a loop of its own. Ends the process where an agent cannot be ended."""
    config = configuration(application, settings)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_to_the_end(application, settings))


async def _to_the_end(application: Application, settings: Settings) -> None:
    try:
        await serve(application, settings)
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        deaf = (await asyncio.wait(left, timeout=_LAST_WAIT_S))[1] if left else ()
        if deaf:  # all is stored and closed; the loop would wait for these for ever
            _LOG.error("tasks that cannot be cancelled are left behind", extra={"tasks": len(deaf)})
            logging.shutdown()
            sys.stdout.flush()
            os._exit(1 if application.failed else 0)
