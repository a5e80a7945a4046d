"""The ASGI application: ``/ws/{user_id}`` bare, everything else through Starlette."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from urllib.parse import urlsplit

from ..drill.isolation_drill import DrillReport
from ..web.http.router import HttpSide
from ..web.sockets.endpoint import PATH, serve_websocket
from .runtime import Runtime

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
TICK_S: Final = 1.0
_LOG: Final = logging.getLogger("netra.application")


class Application:
    """Opens its runtime at the lifespan's start and closes it at its end."""

    def __init__(self, open_runtime: Callable[[], AbstractAsyncContextManager[Runtime]]) -> None:
        self._open_runtime = open_runtime
        self._http: HttpSide | None = None
        self._base = ""
        self.runtime: Runtime | None = None
        self.failed = False
        """Whether it had to stop because its event log takes nothing more."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        runtime = self.runtime
        assert runtime is not None, "the server did not run the lifespan protocol"
        assert self._http is not None
        if self._base and (scope["path"] + "/").startswith(f"{self._base}/"):  # a proxy may strip it, and need not
            scope = {**scope, "root_path": self._base}
        if scope["type"] == "websocket":
            if scope["path"].removeprefix(scope.get("root_path", "")).startswith(PATH):
                await serve_websocket(runtime, scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 4504})
            return
        await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            opening = self._open_runtime()
            self.runtime = runtime = await opening.__aenter__()
        except Exception as fault:
            await send({"type": "lifespan.startup.failed", "message": str(fault)})
            raise
        self._http = http = HttpSide(runtime)
        self._base = urlsplit(runtime.settings.public_url or "").path
        runtime.desk.hold_drill = self._hold_drill
        ticking = asyncio.get_running_loop().create_task(_ticking(runtime, http))
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        finally:
            ticking.cancel()
            await http.close()
            self.runtime = None
            self.failed = runtime.log.failed
            await opening.__aexit__(None, None, None)
        await send({"type": "lifespan.shutdown.complete"})

    async def _hold_drill(self) -> DrillReport:
        from .drill_transport import drill_within  # brings a client library, which only drills need

        assert self.runtime is not None
        return await drill_within(self, self.runtime)

    async def drain(self) -> None:
        """Take nothing new, let runs end, hand the others over, and close every connection with 1012."""
        runtime = self.runtime
        if runtime is None or runtime.draining:
            return
        runtime.draining = True
        await runtime.desk.drain(runtime.connections, runtime.settings.limits.drain_s)


def tick(runtime: Runtime, http: HttpSide) -> None:
    """What time brings about: heartbeats, closes, runs that take too long, retention."""
    now, now_ms = runtime.clock.monotonic(), runtime.clock.now_ms()
    for connection in list(runtime.connections):
        try:
            connection.tick(now, now_ms)
        except Exception:  # of one connection: the others' time passes all the same
            _LOG.exception("a tick failed", extra={"connection_id": connection.connection_id})
    runtime.turns.tick(now)
    http.tick(now)
    if runtime.beat is not None:
        runtime.beat(now)


async def _ticking(runtime: Runtime, http: HttpSide) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        try:
            tick(runtime, http)
        except Exception:
            _LOG.exception("a tick failed; the next one goes on")
