"""The wire through plain ASGI: callers never wait, order is kept, and a peer that is gone ends it quietly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.core.errors import Refusal
from netra_backend.app.web.sockets.asgi_wire import AsgiWire


class Socket:
    """An ASGI ``send`` that waits at its gate, and a receiver that counts when it may go on."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.gone = False
        self.may_go_on = 0

    async def send(self, message: dict[str, Any]) -> None:
        await self.gate.wait()
        if self.gone:
            raise OSError("the peer is gone")
        self.sent.append(message)

    def writable(self) -> None:
        self.may_go_on += 1

    def received(self, raw: bytes | str) -> None:
        """Nothing is received here."""

    def too_long(self, head: bytes | str) -> None:
        """Nor anything too long."""

    def overrun(self, refusal: Refusal) -> None:
        """Nor too much."""

    def ponged(self) -> None:
        """Nor any pong."""

    def disconnect(self, code: int, reason: str) -> None:
        """Nor an end."""


@pytest.fixture
async def socket() -> Socket:
    return Socket()


@pytest.fixture
async def wire(socket: Socket) -> Any:
    made = AsgiWire(socket.send)
    made.attach(socket)
    sending = asyncio.create_task(made.send_all())
    yield made
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_frames_leave_in_order_and_then_there_is_room_again(socket: Socket, wire: AsgiWire) -> None:
    assert wire.writable
    wire.send([b"one", b"two"])
    wire.send(["drei ü".encode()])
    assert not wire.writable
    await turns()
    assert [message["text"] for message in socket.sent] == ["one", "two", "drei ü"]
    assert wire.writable
    assert socket.may_go_on == 1


async def test_a_slow_peer_makes_it_unwritable_and_what_is_unsent_tells_progress(
    socket: Socket, wire: AsgiWire
) -> None:
    socket.gate.clear()
    wire.send([b"one", b"two"])
    await turns()
    assert (wire.writable, wire.unsent, socket.may_go_on) == (False, 2, 0)
    socket.gate.set()
    await turns()
    assert (wire.writable, wire.unsent, socket.may_go_on) == (True, 0, 1)


async def test_nothing_leaves_after_the_close(socket: Socket, wire: AsgiWire) -> None:
    wire.send([b"last"])
    wire.close(4408, "slow_consumer")
    wire.send([b"too late"])
    wire.close(4501, "again")
    await turns()
    assert socket.sent == [
        {"type": "websocket.send", "text": "last"},
        {"type": "websocket.close", "code": 4408, "reason": "slow_consumer"},
    ]


async def test_a_peer_that_is_gone_ends_it_without_a_word(socket: Socket, wire: AsgiWire) -> None:
    socket.gone = True
    wire.send([b"one"])
    await turns()
    assert (socket.sent, wire.writable, socket.may_go_on) == ([], False, 0)


async def test_pings_are_the_servers_own_work(wire: AsgiWire) -> None:
    assert wire.ping() is False
