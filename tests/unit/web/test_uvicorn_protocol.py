"""Frames by hand: the header of a text frame, and a wire that never writes behind a close."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from netra_backend.app.web.uvicorn_protocol import DirectWire, text_frame_header


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000])
def test_a_header_is_the_one_that_the_library_writes(size: int) -> None:
    payload = b"x" * size
    assert text_frame_header(size) + payload == Frame(Opcode.TEXT, payload).serialize(mask=False)


class Connection:
    """As much of a sans-I/O connection as a wire uses."""

    def __init__(self) -> None:
        self.out: list[bytes] = []

    def send_ping(self, data: bytes) -> None:
        self.out.append(b"ping " + data)

    def send_close(self, code: int, reason: str) -> None:
        self.out.append(f"close {code} {reason}".encode())

    def data_to_send(self) -> list[bytes]:
        out, self.out = self.out, []
        return out


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self.written))


class Protocol:
    """As much of uvicorn's protocol as a wire uses."""

    def __init__(self) -> None:
        self.conn = Connection()
        self.transport = Transport()
        self.writable = asyncio.Event()
        self.writable.set()
        self.close_sent = False
        self.close_timer: asyncio.TimerHandle | None = None
        self.close_timeout = 10.0
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.receiver: Any = None


@pytest.fixture
async def protocol() -> Protocol:
    return Protocol()


@pytest.fixture
async def wire(protocol: Protocol) -> DirectWire:
    stand_in: Any = protocol
    return DirectWire(stand_in)


async def test_frames_that_are_ready_leave_in_one_write(protocol: Protocol, wire: DirectWire) -> None:
    wire.send([b"one", b"two"])
    assert protocol.transport.written == [b"\x81\x03one\x81\x03two"]
    assert wire.unsent == 10


async def test_it_is_writable_as_long_as_uvicorn_says_so(protocol: Protocol, wire: DirectWire) -> None:
    assert wire.writable
    protocol.writable.clear()
    assert not wire.writable


async def test_a_close_is_sent_once_tells_the_application_and_gives_the_peer_time(
    protocol: Protocol, wire: DirectWire
) -> None:
    wire.close(4408, "slow_consumer")
    wire.close(4501, "again")
    wire.send([b"too late"])
    wire.ping()
    assert protocol.transport.written == [b"close 4408 slow_consumer"]
    assert protocol.queue.get_nowait()["code"] == 4408
    assert protocol.queue.empty()
    assert protocol.close_timer is not None
    protocol.close_timer.cancel()


async def test_nothing_is_written_to_a_transport_that_is_closing(protocol: Protocol, wire: DirectWire) -> None:
    protocol.transport.closing = True
    wire.send([b"x"])
    wire.close(1012, "draining")
    assert wire.ping()
    assert protocol.transport.written == []
    assert protocol.queue.empty()


async def test_a_ping_is_sent(protocol: Protocol, wire: DirectWire) -> None:
    assert wire.ping()
    assert protocol.transport.written == [b"ping netra"]


async def test_messages_go_to_the_receiver_once_there_is_one(protocol: Protocol, wire: DirectWire) -> None:
    receiver: Any = object()
    wire.attach(receiver)
    assert protocol.receiver is receiver
