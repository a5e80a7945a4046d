"""A connection of a client says that it is done, not that something is broken."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError
from websockets.http11 import Request
from websockets.server import ServerProtocol

from netra_backend.client import connection as module
from netra_backend.client.connection import connected


@pytest.mark.parametrize("fault", [None, RuntimeError("a fault of its user"), asyncio.CancelledError()])
async def test_it_is_closed_as_done_however_its_use_ends(fault: BaseException | None) -> None:
    ended: asyncio.Queue[tuple[str, str, int | None]] = asyncio.Queue()

    async def heard(socket: ServerConnection) -> None:
        await socket.wait_closed()
        assert socket.request is not None
        ended.put_nowait((socket.request.path, socket.request.headers["Authorization"], socket.close_code))

    async with serve(heard, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with suppress(RuntimeError, asyncio.CancelledError):
            async with connected(f"http://127.0.0.1:{port}", "alice", "token", open_timeout=20):
                if fault is not None:
                    raise fault
        assert await ended.get() == ("/ws/alice", "Bearer token", 1000)


async def test_a_server_that_answers_no_ping_is_left_without_a_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_EVERY_S", 0.01)
    monkeypatch.setattr(module, "PONG_WITHIN_S", 0.01)
    ended: asyncio.Queue[bytes] = asyncio.Queue()

    async def half_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol()
        protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
        (request,) = protocol.events_received()
        assert isinstance(request, Request)
        protocol.send_response(protocol.accept(request))
        writer.write(b"".join(protocol.data_to_send()))
        heard = b""
        with suppress(ConnectionResetError):
            while data := await reader.read(1024):
                heard += data
        ended.put_nowait(heard)
        writer.close()

    async with await asyncio.start_server(half_open, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connected(f"http://127.0.0.1:{port}", "alice", "token", open_timeout=20) as socket:
            with pytest.raises(ConnectionClosedError) as broken:
                await socket.recv()
            assert (broken.value.rcvd, broken.value.sent) == (None, None)
            assert socket.close_code == 1006
        heard = await ended.get()
    assert (len(heard), heard[:2]) == (10, b"\x89\x84"), "one ping, masked, of four bytes; no close"


async def test_a_server_that_answers_pings_keeps_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_EVERY_S", 0.0)

    async def pinged_often(socket: ServerConnection) -> None:
        for _ in range(20):
            await (await socket.ping())  # in order with the client's
        await socket.send("still there")
        await socket.wait_closed()

    async with serve(pinged_often, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connected(f"http://127.0.0.1:{port}", "alice", "token", open_timeout=20) as socket:
            assert await socket.recv() == "still there"
