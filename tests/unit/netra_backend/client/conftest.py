"""A server that says one thing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest


async def _answering(status: str, body: bytes) -> tuple[asyncio.Server, str, list[bytes]]:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
        except (asyncio.IncompleteReadError, ConnectionError):  # a stranger whom this port served before
            writer.close()
            return
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


@pytest.fixture
def answering() -> Callable[[str, bytes], Awaitable[tuple[asyncio.Server, str, list[bytes]]]]:
    """Starts one that answers every request with this status and body: the server, its address, and what it was sent."""
    return _answering
