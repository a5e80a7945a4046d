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
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn

from ..config import Settings
from ..web.http.anonymous_connections import AnonymousConnections
from ..web.http.request_turns import RequestTurns
from ..web.http.server_config import ServerConfig
from ..web.http.uvicorn_http import BoundedHttpProtocol
from ..web.sockets.uvicorn_websocket import DirectWebSocketProtocol
from .application import Application
from .open_files import most_connections, open_files

_LOG: Final = logging.getLogger("netra.server")
_LAST_WAIT_S: Final = 0.5
_YOUNG_OBJECTS: Final = 20_000
"""The collector looks for cycles among this many new objects. What a run makes has none and is freed as it ends; with the 700 of
Python the collector would traverse a hundred runs' objects every few runs, and find nothing."""

_SWITCH_S: Final = 0.0005
"""How long a thread that wants the interpreter waits before it asks for it. The thread that writes the log needs it several times
for a commit; beside work that keeps the loop busy each would take Python's 5 ms, and every user would wait for them."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, application: Application, tell: Callable[[str], None]) -> None:
        super().__init__(config)
        self._application = application
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG_OBJECTS)
        sys.setswitchinterval(_SWITCH_S)
        url = url_of(self.servers[0].sockets[0])
        if self._application.runtime is not None:
            self._application.runtime.announce(url)
        self._tell(url)

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
        "ws_max_size": settings.limits.message_bytes,
        "ws_ping_interval": None,
        "ws_per_message_deflate": False,
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
        "log_config": None,
        "backlog": settings.limits.backlog,
        "timeout_graceful_shutdown": 2,  # on top of ``Limits.drain_s``, and all of it within ten seconds
    }
    guests = AnonymousConnections(
        settings.limits, most_connections(settings.limits, open_files()), settings.trusted_proxies
    )
    turns = RequestTurns(settings.limits, settings.trusted_proxies)
    return ServerConfig(application, settings.limits, guests, turns, **options)


def url_of(listener: Any) -> str:
    """Where a socket listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def tell_ready(url: str) -> None:
    """The one line on standard output that says when and where."""
    sys.stdout.write(json.dumps({"ready": True, "url": url}) + "\n")
    sys.stdout.flush()


def listen(settings: Settings, count: int) -> list[socket.socket]:
    """One listening socket for each of ``count`` processes, all of one address. Raises ``SystemExit`` where it cannot be had.

    On Linux the kernel deals connections out among them evenly. One socket for all would not do: who sleeps lightest takes
    most, and a WebSocket stays where it was taken. Elsewhere it is one socket all the same.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        first = socket.create_server(address[:2], family=family, backlog=settings.limits.backlog)
        if not sys.platform.startswith("linux"):
            return [first] * count
        # Sockets that share an address would share it with another server's, too. This one showed that there is none.
        address = first.getsockname()[:2]
        first.close()
        return [
            socket.create_server(address, family=family, backlog=settings.limits.backlog, reuse_port=True)
            for _ in range(count)
        ]
    except OSError as fault:
        _LOG.error("cannot listen on %s:%s: %s", settings.host, settings.port, fault)
        raise SystemExit(1) from None


def run(
    application: Application,
    settings: Settings,
    *,
    listener: socket.socket | None = None,
    tell: Callable[[str], None] = tell_ready,
) -> None:
    """Serve until SIGTERM or SIGINT, in a loop of its own. Ends the process where an agent cannot be ended.

    ``listener``: a socket that listens already, instead of one of these settings' own. ``tell`` is told when it is ready.
    Raises ``SystemExit`` where the server could not start, or had to stop.
    """
    config = configuration(application, settings)
    server = _Server(config, application, tell)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_to_the_end(server, application, None if listener is None else [listener]))


async def _to_the_end(server: _Server, application: Application, listeners: list[socket.socket] | None) -> None:
    try:
        await server.serve(listeners)
        if application.failed:
            raise SystemExit(1)
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        deaf = (await asyncio.wait(left, timeout=_LAST_WAIT_S))[1] if left else ()
        if deaf:  # all is stored and closed; the loop would wait for these for ever
            _LOG.error("some tasks could not be cancelled and are abandoned", extra={"tasks": len(deaf)})
            logging.shutdown()
            sys.stdout.flush()
            os._exit(1 if application.failed else 0)
