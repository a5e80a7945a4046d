"""A drill inside of the server: synthetic users who come in by the same doors as everybody, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx

from ..agents.tools.unified_tool_dispatcher_factory import BASE_SCOPES
from ..core.identity import Identity
from ..drill.actor import HttpAnswer
from ..drill.isolation_drill import DrillReport, hold_drill
from .runtime import Runtime

Asgi = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]


class AsgiSocket:
    """The client's side of one WebSocket of an ASGI application."""

    def __init__(self, application: Asgi, path: str, ticket: str) -> None:
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_client: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {
            "type": "websocket",
            "path": path,
            "root_path": "",
            "query_string": f"ticket={ticket}".encode(),
            "headers": [],
            "subprotocols": [],
        }
        self._to_server.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(application(scope, self._to_server.get, self._to_client.put))

    async def send(self, text: str) -> None:
        self._to_server.put_nowait({"type": "websocket.receive", "text": text})

    async def message(self) -> dict[str, Any]:
        """The next thing the server does besides accepting."""
        while (message := await self._to_client.get())["type"] == "websocket.accept":
            pass
        return message

    async def close(self) -> None:
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.gather(self._task, return_exceptions=True)


class AsgiTransport:
    """``drill.actor.Transport`` of a synthetic user: every connection and request brings a ticket of its own."""

    def __init__(self, application: Asgi, runtime: Runtime, user_id: str) -> None:
        self.user_id = user_id
        self._application = application
        self._runtime = runtime
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application, raise_app_exceptions=False), base_url="http://drill.invalid"
        )
        self._socket: AsgiSocket | None = None

    async def _ticket(self) -> str:
        identity = Identity(self.user_id, BASE_SCOPES, None, self._runtime.clock.now_ms())
        return (await self._runtime.tickets.issue(identity)).value

    async def open(self) -> None:
        self._socket = AsgiSocket(self._application, f"/ws/{self.user_id}", await self._ticket())

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        await self._http.aclose()

    async def send(self, text: str) -> None:
        assert self._socket is not None
        await self._socket.send(text)

    async def receive(self) -> str | None:
        assert self._socket is not None
        message = await self._socket.message()
        return str(message["text"]) if message["type"] == "websocket.send" else None

    async def http(self, method: str, path: str, body: bytes | None = None) -> HttpAnswer:
        address = httpx.URL(path).copy_merge_params({"ticket": await self._ticket()})
        answer = await self._http.request(method, address, content=body)
        return HttpAnswer(answer.status_code, answer.content)

    async def knock(self, path_user: str) -> tuple[str, int]:
        socket = AsgiSocket(self._application, f"/ws/{path_user}", await self._ticket())
        try:
            first = await socket.message()
            then = await socket.message()
            return str(first.get("text", "{}")), int(then.get("code", 0))
        finally:
            await socket.close()


@asynccontextmanager
async def _synthetic_user(application: Asgi, runtime: Runtime) -> AsyncIterator[AsgiTransport]:
    line = AsgiTransport(application, runtime, runtime.mint("drill"))
    try:
        await line.open()
        yield line
    finally:
        await line.close()
        await runtime.log.delete_owner(line.user_id)
        await runtime.ledger.delete_owner(line.user_id)


async def drill_within(application: Asgi, runtime: Runtime) -> DrillReport:
    """Hold a drill between two synthetic users of this server. Nothing of them stays but audit rows."""
    async with _synthetic_user(application, runtime) as owner, _synthetic_user(application, runtime) as intruder:
        return await hold_drill(owner, intruder, runtime.mint)
