"""Faults: a link that can be cut and stalled, a drop at a position, a kill."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from test_framework.faults import CuttableLink, drop_at, kill
from test_framework.websocket_client import WebSocketTestClient


@asynccontextmanager
async def echoing() -> AsyncIterator[CuttableLink]:
    """A link to a server that sends back every line."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, CuttableLink("127.0.0.1", server.sockets[0].getsockname()[1]) as link:
        yield link


async def said_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> bytes:
    writer.write(line)
    return await reader.readline()


async def is_broken(reader: asyncio.StreamReader) -> bool:
    """Whether the connection ends without another byte; by reset or by end, as the system likes."""
    try:
        return not await reader.read()
    except ConnectionResetError:
        return True


async def test_bytes_pass_a_whole_link_both_ways() -> None:
    async with echoing() as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        assert await said_back(reader, writer, b"hello\n") == b"hello\n"
        assert link.connections == 1
        writer.close()


async def test_a_cut_link_breaks_its_connections_refuses_new_ones_and_can_be_mended() -> None:
    async with echoing() as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        assert await said_back(reader, writer, b"hello\n") == b"hello\n"
        await link.cut()
        await link.cut()
        assert await is_broken(reader)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", link.port)
        writer.close()
        await link.mend()
        await link.mend()
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        assert await said_back(reader, writer, b"again\n") == b"again\n"
        writer.close()


async def test_a_stalled_link_holds_what_is_sent_until_it_flows() -> None:
    async with echoing() as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        assert await said_back(reader, writer, b"one\n") == b"one\n"
        link.stall()
        writer.write(b"two\n")
        waiting = asyncio.create_task(reader.readline())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not waiting.done()
        link.flow()
        assert await waiting == b"two\n"
        writer.close()


async def test_a_peer_that_goes_away_ends_its_relay() -> None:
    async with echoing() as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        assert await said_back(reader, writer, b"one\n") == b"one\n"
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


async def test_a_link_to_nowhere_breaks_its_connections() -> None:
    async with CuttableLink("127.0.0.1", 1) as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        assert await is_broken(reader)
        writer.close()


class Scripted:
    """A client that receives positions and can be dropped."""

    def __init__(self, *seqs: int) -> None:
        self.frames: list[dict[str, Any]] = [{"type": "accepted"}, *({"seq": seq} for seq in seqs)]
        self.dropped = False

    async def receive_json(self) -> dict[str, Any]:
        return self.frames.pop(0)

    def drop(self) -> None:
        self.dropped = True


async def test_a_connection_is_dropped_at_a_position() -> None:
    client = Scripted(1, 2, 3, 4)
    frames = await drop_at(cast(WebSocketTestClient, client), 3)
    assert [frame.get("seq") for frame in frames] == [None, 1, 2, 3]
    assert client.dropped
    assert client.frames == [{"seq": 4}]


def test_a_killed_process_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        kill(process)
        assert process.returncode == -9
