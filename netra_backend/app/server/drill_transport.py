"""A drill inside of the server: synthetic users who come in by the same endpoints as everybody, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from ..drill.actor import BINARY, HttpAnswer, content_type
from ..drill.isolation_drill import DrillReport, hold_drill
from ..ports import EventLog, Ledger

Asgi = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]


class AsgiSocket:
    """The client's side of one WebSocket of an ASGI application."""

    def __init__(self, application: Asgi, path: str, token: str) -> None:
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_client: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {
            "type": "websocket",
            "path": path,
            "root_path": "",
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {token}".encode())],
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
    """``drill.actor.Transport`` of a synthetic user, whom ``sign_in`` gives a token."""

    def __init__(self, application: Asgi, sign_in: Callable[[str], str], user_id: str) -> None:
        self.user_id = user_id
        self._application = application
        self._token = sign_in(user_id)
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application, raise_app_exceptions=False),
            base_url="http://drill.invalid",
            headers={"Authorization": f"Bearer {self._token}"},
        )
        self._socket: AsgiSocket | None = None

    async def open(self) -> None:
        self._socket = AsgiSocket(self._application, f"/ws/{self.user_id}", self._token)

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

    async def http(self, method: str, path: str, body: bytes | None = None, *, media: str = BINARY) -> HttpAnswer:
        answer = await self._http.request(method, path, content=body, headers=content_type(body, media))
        return HttpAnswer(answer.status_code, answer.content)

    async def knock(self, path_user: str) -> tuple[str, int]:
        socket = AsgiSocket(self._application, f"/ws/{path_user}", self._token)
        try:
            first = await socket.message()
            then = await socket.message()
            return str(first.get("text", "{}")), int(then.get("code", 0))
        finally:
            await socket.close()


@dataclass(frozen=True, slots=True)
class InProcessDrill:
    """A drill between two synthetic users of the server that ``application`` is. Nothing of them stays but audit rows."""

    application: Asgi
    sign_in: Callable[[str], str]
    log: EventLog
    ledger: Ledger
    mint: Callable[[str], str]

    async def hold(self) -> DrillReport:
        """Hold one. Raises ``DrillFailed``."""
        async with self._synthetic_user() as owner, self._synthetic_user() as intruder:
            return await hold_drill(owner, intruder, self.mint)

    @asynccontextmanager
    async def _synthetic_user(self) -> AsyncIterator[AsgiTransport]:
        transport = AsgiTransport(self.application, self.sign_in, self.mint("drill"))
        try:
            await transport.open()
            yield transport
        finally:
            await transport.close()
            await self.log.delete_owner(transport.user_id)
            await self.ledger.delete_owner(transport.user_id)
