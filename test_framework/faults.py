"""Faults to put into a system under test: a network that is cut, a peer that dies, a connection lost at a position."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from .websocket_client import Frame, WebSocketTestClient

_CHUNK: Final = 65536


class CuttableLink:
    """A TCP relay on loopback between a client and a server, whose cable can be pulled.

    ``port`` is where clients connect. ``cut`` breaks every connection and refuses new ones; ``mend`` takes new ones again.
    ``stall`` keeps connections open but lets nothing through (a black hole) until ``flow``.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._relays: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.connections = 0

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut()

    async def mend(self) -> None:
        """Take connections (again), on the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port, reuse_address=True)
            self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection, without a farewell, and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        relays = tuple(self._relays)
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)

    def stall(self) -> None:
        """Let nothing through from now on, in either direction."""
        self._flowing.clear()

    def flow(self) -> None:
        """Let everything through again, also what was held."""
        self._flowing.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        self.connections += 1
        pumps: list[asyncio.Task[None]] = []
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            ends.append(far_writer)
            pumps = [
                asyncio.create_task(self._pump(reader, far_writer)),
                asyncio.create_task(self._pump(far_reader, writer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.CancelledError):
            pass  # a cut is what a relay is for; its peers see a broken connection
        finally:
            for pump in pumps:
                pump.cancel()
            with suppress(asyncio.CancelledError):  # it may be cut while it ends by itself
                await asyncio.gather(*pumps, return_exceptions=True)
            for end in ends:
                end.transport.abort()
            self._relays.discard(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(_CHUNK):
            await self._flowing.wait()
            sink.write(data)
            await sink.drain()


async def drop_at(client: WebSocketTestClient, seq: int) -> list[Frame]:
    """Read events up to position ``seq``, then cut the connection; what was read is returned."""
    frames: list[Frame] = []
    while not frames or frames[-1].get("seq", 0) < seq:
        frames.append(await client.receive_json())
    client.drop()
    return frames


def kill(process: subprocess.Popen[Any]) -> None:
    """``kill -9`` a process and wait until it is gone."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
