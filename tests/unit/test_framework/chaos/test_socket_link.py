"""A link over TCP: frames both ways, the end told once, and nothing after a cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosedError
from websockets.http11 import Request, Response

from test_framework.chaos.socket_link import SocketLink
from test_framework.simulation.link import Cable


class Device:
    def __init__(self) -> None:
        self.told: asyncio.Queue[bytes | int | None] = asyncio.Queue()

    def came(self, link: Cable, frame: bytes) -> None:
        self.told.put_nowait(frame)

    def ended(self, link: Cable, code: int | None) -> None:
        self.told.put_nowait(code)

    async def next(self) -> bytes | int | None:
        async with asyncio.timeout(20):
            return await self.told.get()


class Peer:
    """Welcomes with the token it was given; ``bye`` closes with 4408, ``lost`` ends without a farewell, else it repeats."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.url = ""

    async def serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        await connection.send(connection.request.headers["Authorization"])
        with suppress(ConnectionClosedError):
            async for text in connection:
                if text == "bye":
                    await connection.close(4408, "slow_consumer")
                elif text == "lost":
                    connection.transport.abort()
                else:
                    await connection.send(text)
        self.ended.set()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    def judge(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(503, "busy") if request.path == "/busy" else None

    peer = Peer()
    server: Server
    async with serve(peer.serve, "127.0.0.1", 0, process_request=judge) as server:
        peer.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield peer


async def test_frames_go_both_ways_with_the_token_and_a_close_tells_its_code(peer: Peer) -> None:
    device = Device()
    link = SocketLink(device, peer.url, "secret")
    assert await device.next() == b"Bearer secret"
    link.send_up("grüße")
    assert await device.next() == "grüße".encode()
    link.send_up("bye")
    assert await device.next() == 4408
    link.send_up("too late")
    assert device.told.empty()


async def test_an_end_without_a_farewell_has_no_code(peer: Peer) -> None:
    device = Device()
    link = SocketLink(device, peer.url, "secret")
    await device.next()
    link.send_up("lost")
    assert await device.next() is None


async def test_a_refused_handshake_is_an_end(peer: Peer) -> None:
    device = Device()
    SocketLink(device, peer.url + "/busy", "secret")
    assert await device.next() is None


async def test_nobody_there_is_an_end(closed_port: int) -> None:
    device = Device()
    SocketLink(device, f"ws://127.0.0.1:{closed_port}", "secret")
    assert await device.next() is None


async def test_a_link_that_is_cut_tells_nothing_more_and_its_peer_notices(peer: Peer) -> None:
    device = Device()
    link = SocketLink(device, peer.url, "secret")
    await device.next()
    link.send_up("hello")
    link.cut(0.0)
    async with asyncio.timeout(20):
        await peer.ended.wait()
    assert device.told.empty()


async def test_a_link_may_be_cut_before_it_is_connected(peer: Peer) -> None:
    cut, other = Device(), Device()
    SocketLink(cut, peer.url, "secret").cut(0.0)
    SocketLink(other, peer.url, "secret")
    await other.next()
    assert cut.told.empty()
