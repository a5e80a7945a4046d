"""A reverse proxy on loopback that does what proxies do on bad days: it answers by itself, cuts, and keeps a client waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_CHUNK: Final = 65_536
_HEAD: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """The proxy answers by itself. ``headers`` are whole lines, such as ``Retry-After: 1``."""

    status: int
    headers: tuple[str, ...] = ()
    body: bytes = b"<html>from the proxy</html>"


@dataclass(frozen=True, slots=True)
class Cut:
    """The proxy takes the request and closes the connection without an answer."""


@dataclass(frozen=True, slots=True)
class Stall:
    """The proxy takes the request and says nothing until the client has gone."""


Mood = Answer | Cut | Stall


class Proxy:
    """Treats its n-th connection as the n-th mood says, and passes on every one after those."""

    def __init__(self, upstream: str, moods: Iterable[Mood]) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._moods = list(moods)
        self._passing: set[asyncio.StreamWriter] = set()
        self._handling: set[asyncio.Task[None]] = set()
        self.url = ""
        self.heads: list[bytes] = []
        """The head of each request, in the order of the connections."""

    def be(self, *moods: Mood) -> None:
        """Treat the next connections so."""
        self._moods += moods

    def cut(self) -> None:
        """Close every connection that is passed on, without a word of WebSocket."""
        for writer in self._passing:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handling.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):  # the last: by close
                await self._handle(reader, writer)
        finally:
            self._handling.discard(task)
            writer.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(_HEAD)
        self.heads.append(head)
        mood = self._moods.pop(0) if self._moods else None
        if isinstance(mood, Answer):
            lines = (
                f"HTTP/1.1 {mood.status} x",
                *mood.headers,
                f"Content-Length: {len(mood.body)}",
                "Connection: close",
            )
            writer.write("\r\n".join(lines).encode() + _HEAD + mood.body)
            await writer.drain()
        elif isinstance(mood, Stall):
            await reader.read()
        elif mood is None:
            await self._pass_on(head, reader, writer)

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._upstream)
        back.write(head)
        both = {writer, back}
        self._passing |= both
        ways = [asyncio.ensure_future(_copy(reader, back)), asyncio.ensure_future(_copy(there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._passing -= both
            for each in both:
                each.close()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def close(self) -> None:
        """End every connection."""
        handling = list(self._handling)
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()


@asynccontextmanager
async def proxy_before(upstream: str, *moods: Mood) -> AsyncIterator[Proxy]:
    """A proxy before the server at this http address."""
    proxy = Proxy(upstream, moods)
    server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
