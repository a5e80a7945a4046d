"""The ASGI application: ``/ws/{user_id}`` bare, everything else through Starlette."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from urllib.parse import urlsplit

from ..web.sockets.endpoint import PATH, WebSocketEndpoint
from .http_application import HttpApplication
from .runtime import Runtime

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
OpenRuntime = Callable[["Application"], AbstractAsyncContextManager[Runtime]]
"""Opens the parts of a server; drills go through the application."""

TICK_S: Final = 1.0
_LOG: Final = logging.getLogger("netra.application")


class Application:
    """Opens its runtime at the lifespan's start and closes it at its end."""

    def __init__(self, open_runtime: OpenRuntime) -> None:
        self._open_runtime = open_runtime
        self._sockets: WebSocketEndpoint | None = None
        self._base = ""
        self.http: HttpApplication | None = None
        self.runtime: Runtime | None = None
        self.failed = False
        """Whether it had to stop because its event log takes nothing more."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        assert self.http is not None, "the server did not run the lifespan protocol"
        assert self._sockets is not None
        given = scope
        if self._base and (scope["path"] + "/").startswith(f"{self._base}/"):  # a proxy may strip it, and need not
            scope = {**scope, "root_path": self._base}
        if scope["type"] == "websocket":
            scope = dict(scope)
            given["query_string"] = b""  # a server's own log would show it, and it may hold a ticket
            if scope["path"].removeprefix(scope.get("root_path", "")).startswith(PATH):
                await self._sockets(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 4504})
            return
        await self.http.serve(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            opening = self._open_runtime(self)
            self.runtime = runtime = await opening.__aenter__()
        except Exception as fault:
            await send({"type": "lifespan.startup.failed", "message": str(fault)})
            raise
        self.http = http = HttpApplication(runtime)
        self._sockets = WebSocketEndpoint(
            settings=runtime.settings,
            authentication=runtime.authentication,
            managers=runtime.managers,
            handler=runtime.connections,
            audit_trail=runtime.audit_trail,
            clock=runtime.clock,
            mint=runtime.mint,
            anonymous=runtime.anonymous,
        )
        self._base = urlsplit(runtime.settings.public_url or "").path
        ticking = asyncio.get_running_loop().create_task(_ticking(runtime, http))
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        finally:
            ticking.cancel()
            await http.close()
            self.runtime, self.http, self._sockets = None, None, None
            self.failed = runtime.log.failed
            await opening.__aexit__(None, None, None)
        await send({"type": "lifespan.shutdown.complete"})

    async def drain(self) -> None:
        """Take nothing new, let runs end, hand the others over, and close every connection with 1012."""
        runtime = self.runtime
        if runtime is not None and not runtime.connections.is_draining:
            await runtime.connections.drain(runtime.settings.limits.drain_s)


def tick(runtime: Runtime, http: HttpApplication) -> None:
    """What time brings about: heartbeats, closes, runs that take too long, retention."""
    now, now_ms = runtime.clock.monotonic(), runtime.clock.now_ms()
    runtime.connections.tick(now, now_ms)
    runtime.runs.tick(now)
    http.tick(now)
    if runtime.on_tick is not None:
        runtime.on_tick(now)


async def _ticking(runtime: Runtime, http: HttpApplication) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        try:
            tick(runtime, http)
        except Exception:
            _LOG.exception("a tick failed; the next one follows")
