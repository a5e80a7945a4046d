"""An issuer of tokens on this machine: a real HTTP server that publishes the keys it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Issuer:
    """An HTTP server that answers what it is told to, and counts."""

    def __init__(self, keys: Any) -> None:
        self.keys = keys
        self.told_issuer: str | None = None
        self.told_keys_url: str | None = None
        self.status = 200
        self.extra_headers = ""
        self.body: bytes | None = None
        self.asked: list[str] = []
        self.let_go = asyncio.Event()
        self.let_go.set()
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError):  # a stranger whom this port served before
            writer.close()
            return
        path = request.split()[1]
        self.asked.append(path)
        await self.let_go.wait()
        discovery = {"issuer": self.told_issuer or self.url, "jwks_uri": self.told_keys_url or f"{self.url}/jwks"}
        content = discovery if path.endswith("openid-configuration") else {"keys": self.keys}
        body = json.dumps(content).encode() if self.body is None else self.body
        head = (
            f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{self.extra_headers}\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def publishing(keys: Any) -> AsyncIterator[Issuer]:
    """An issuer that publishes these keys (JWK), at ``url``/jwks and by discovery."""
    told = Issuer(keys)
    server = await asyncio.start_server(told.answer, "127.0.0.1", 0)
    told.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield told
    finally:
        server.close()
        await server.wait_closed()
