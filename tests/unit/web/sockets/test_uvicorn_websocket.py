"""Frames by hand: the header of a text frame, and a wire that never writes behind a close."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

import pytest
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from netra_backend.app.core.errors import Refusal
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.traffic import UserTraffic
from netra_backend.app.web.http.reading_turns import ReadingTurns
from netra_backend.app.web.http.server_config import ServerConfig
from netra_backend.app.web.sockets import uvicorn_websocket
from netra_backend.app.web.sockets.uvicorn_websocket import (
    EXTENSION,
    DirectWebSocketProtocol,
    DirectWire,
    text_frame_header,
)


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

    abort = close

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


# --- what comes in ------------------------------------------------------------------------------------------------------

MOST = 70_000
LIMITS = Limits(frame_bytes=MOST, message_bytes=2 * MOST)
HANDSHAKE = (
    b"GET /ws/user_ada HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: bmV0cmEgaXMgdGVzdGVkLg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def client_frame(opcode: Opcode, payload: bytes, mask: bytes = b"\x5a\xc3\x17\x8e", *, final: bool = True) -> bytes:
    """A frame as a client sends it: masked."""
    unmasked = Frame(opcode, payload, fin=final).serialize(mask=False)
    header = bytearray(unmasked[: len(unmasked) - len(payload)])
    header[1] |= 0x80
    return bytes(header) + mask + bytes(byte ^ mask[at & 3] for at, byte in enumerate(payload))


class Socket(Transport):
    """A transport that knows its ends."""

    def get_extra_info(self, name: str) -> Any:
        return {"sockname": ("127.0.0.1", 80), "peername": ("127.0.0.1", 50_000)}.get(name)

    paused = False
    aborted = False

    def pause_reading(self) -> None:
        """What comes before there is a receiver waits, and what comes with too many frames."""
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def abort(self) -> None:
        self.aborted = self.closing = True


class Told:
    """Keeps what a receiver is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def received(self, raw: bytes) -> None:
        self.told.append(bytes(raw))

    def too_long(self, head: bytes | str) -> None:
        self.told.append(("too long", len(head)))

    def overrun(self, refusal: Refusal) -> None:
        self.told.append(refusal.point.id)

    def ponged(self) -> None:
        self.told.append("pong")

    def writable(self) -> None:
        self.told.append("writable")

    def disconnect(self, code: int, reason: str) -> None:
        self.told.append(code)


class Server:
    """Our protocol, shaken hands with; ``told`` is what its receiver was told."""

    def __init__(
        self, limits: Limits = LIMITS, *, is_signed_in: bool = True, turns: ReadingTurns | None = None
    ) -> None:
        self.receiver, self.socket = Told(), Socket()
        self._attached = asyncio.Event()
        self._is_signed_in = is_signed_in
        config = ServerConfig(
            self._application,
            limits,
            interface="asgi3",
            ws_max_size=limits.message_bytes,
            ws_per_message_deflate=False,
            log_config=None,
        )
        config.reading = turns or config.reading
        config.load()
        self.protocol = DirectWebSocketProtocol(config, ServerState(), {}, asyncio.get_running_loop())

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        if self._is_signed_in:
            scope["extensions"][EXTENSION].signed_in(
                UserTraffic(self.protocol._limits, asyncio.get_running_loop().time())
            )
        scope["extensions"][EXTENSION].attach(self.receiver)
        self._attached.set()
        await receive()

    async def open(self) -> None:
        """Shake hands."""
        transport: Any = self.socket
        self.protocol.connection_made(transport)
        self.protocol.data_received(HANDSHAKE)
        await self._attached.wait()
        self.socket.written.clear()

    async def close(self) -> None:
        """The peer is gone."""
        self.protocol.connection_lost(None)
        await asyncio.gather(*self.protocol.tasks)

    async def heard(self, pieces: list[bytes]) -> list[object]:
        """What the receiver was told, and what was answered, when these pieces came one after the other."""
        await self.open()
        for piece in pieces:
            self.protocol.data_received(piece)
        await self.close()
        return [*self.receiver.told, b"".join(self.socket.written)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65_535, 65_536, MOST])
async def test_a_text_is_handed_over_as_it_was_sent_whatever_its_length(size: int) -> None:
    text = b"t" * size
    frame = client_frame(Opcode.TEXT, text)
    assert await Server().heard([client_frame(Opcode.TEXT, b"first"), frame]) == [b"first", text, b""]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "nothing"),
        (client_frame(Opcode.TEXT, b"text")[:-1], "cut"),
        (client_frame(Opcode.TEXT, b"text") + b"\x81", "more than one"),
        (client_frame(Opcode.BINARY, b"text"), "binary"),
        (client_frame(Opcode.TEXT, b"text", final=False), "a part"),
        (client_frame(Opcode.CONT, b"text"), "a later part"),
        (b"\xc1" + client_frame(Opcode.TEXT, b"text")[1:], "a reserved bit"),
        (Frame(Opcode.TEXT, b"text" * 4).serialize(mask=False), "not masked"),
        (Frame(Opcode.TEXT, b"t" * 200).serialize(mask=False), "not masked, with a longer header"),
        (client_frame(Opcode.TEXT, b"t" * 21), "too long"),
        (b"\x81\xff" + b"\0" * 131, "a length of eight bytes"),
        (b"\x81\xfe\x00", "half a header"),
    ],
)
def test_what_is_not_one_whole_short_text_is_left_to_the_library(data: bytes, why: str) -> None:
    assert uvicorn_websocket.whole_text(data, 20) is None, why


def test_a_whole_text_is_unmasked() -> None:
    assert uvicorn_websocket.whole_text(client_frame(Opcode.TEXT, b"what is up?"), 20) == b"what is up?"
    assert uvicorn_websocket.whole_text(client_frame(Opcode.TEXT, b""), 20) == b""
    assert uvicorn_websocket.whole_text(client_frame(Opcode.TEXT, b"t" * 300), 300) == b"t" * 300


def some_frames(rng: random.Random) -> list[bytes]:
    """What a client may send, whole, in parts, with control frames between, right and wrong."""
    text = bytes(rng.choices(b"what is up?", k=rng.choice([0, 3, 125, 126, 300])))
    kinds = [
        [client_frame(Opcode.TEXT, text, rng.randbytes(4))],
        [client_frame(Opcode.TEXT, "häß…".encode(), rng.randbytes(4))],
        [client_frame(Opcode.TEXT, b"a", final=False), client_frame(Opcode.CONT, text)],
        [
            client_frame(Opcode.TEXT, b"a", final=False),
            client_frame(Opcode.PING, b"p"),
            client_frame(Opcode.CONT, b"b"),
        ],
        [client_frame(Opcode.PING, b"ping"), client_frame(Opcode.PONG, b"pong")],
        [client_frame(Opcode.BINARY, b"\0\1")],
        [client_frame(Opcode.TEXT, b"\xff not UTF-8")],
        [client_frame(Opcode.CLOSE, b"\x03\xe8")],
        [client_frame(Opcode.TEXT, b"a", final=False), client_frame(Opcode.TEXT, text)],
        [b"\xf1" + client_frame(Opcode.TEXT, text)[1:]],
    ]
    return rng.choices(kinds, weights=[30, 5, 5, 5, 5, 2, 1, 1, 1, 1])[0]


@pytest.mark.parametrize("case", range(60))
async def test_however_the_bytes_are_cut_the_same_is_told_and_answered_as_by_the_library_alone(
    case: int, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [frame for _ in range(rng.randrange(1, 12)) for frame in some_frames(rng)]
    pieces: list[bytes] = []
    for frame in frames:
        cut = rng.choice([0, 0, 0, rng.randrange(len(frame))])
        pieces += [frame[:cut], frame[cut:]] if cut else [frame]
    if case % 3 == 0:  # several at once
        pieces = [b"".join(pieces[at : at + 3]) for at in range(0, len(pieces), 3)]
    mixed = await Server().heard(pieces)
    monkeypatch.setattr(uvicorn_websocket, "whole_text", lambda data, most: None)
    assert mixed == await Server().heard(pieces)


async def test_what_comes_after_our_close_is_dropped() -> None:
    server = Server()
    await server.open()
    wire: Any = server.protocol.scope["extensions"]
    server.protocol.data_received(client_frame(Opcode.TEXT, b"first"))
    wire[EXTENSION].close(4408, "slow_consumer")
    server.protocol.data_received(client_frame(Opcode.TEXT, b"late"))
    await server.close()
    assert server.receiver.told == [b"first"]


async def test_what_comes_before_there_is_a_receiver_goes_through_receive_and_troubles_nobody() -> None:
    server = Server()
    await server.open()
    server.protocol.receiver = None
    server.protocol.data_received(client_frame(Opcode.PONG, b"netra"))
    server.protocol.data_received(client_frame(Opcode.TEXT, b"early"))
    server.protocol.pause_writing()
    server.protocol.resume_writing()
    assert server.protocol.queue.get_nowait() == {"type": "websocket.receive", "text": "early"}
    await server.close()
    assert server.receiver.told == []


async def test_the_receiver_is_told_when_bytes_may_leave_again() -> None:
    server = Server()
    await server.open()
    server.protocol.pause_writing()
    server.protocol.resume_writing()
    await server.close()
    assert server.receiver.told == ["writable"]


async def test_a_handshake_that_is_refused_gets_no_wire() -> None:
    server = Server()
    transport: Any = server.socket
    server.protocol.connection_made(transport)
    server.protocol.data_received(HANDSHAKE.replace(b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 7"))
    assert server.socket.written[0].startswith(b"HTTP/1.1 400 ")
    assert not hasattr(server.protocol, "scope")
    server.protocol.connection_lost(None)


async def test_the_librarys_own_lines_which_hold_query_strings_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    with caplog.at_level(logging.INFO):
        transport: Any = server.socket
        server.protocol.connection_made(transport)
        server.protocol.data_received(HANDSHAKE.replace(b" HTTP/1.1", b"?ticket=secret HTTP/1.1"))
        await server._attached.wait()
        await server.close()
    assert caplog.text == ""


async def test_a_wire_counts_the_bytes_of_its_frames(protocol: Any) -> None:
    wire = DirectWire(protocol)
    wire.send([b"one", b"three"])
    assert wire.sent == sum(map(len, protocol.transport.written)) == 12


# --- too much -----------------------------------------------------------------------------------------------------------

EMPTY = client_frame(Opcode.CONT, b"", final=False)
BEGUN = client_frame(Opcode.TEXT, b"", final=False)
PONG = client_frame(Opcode.PONG, b"")
PING = client_frame(Opcode.PING, b"x" * 125)


async def said_after(limits: Limits, data: bytes, *, is_signed_in: bool = True) -> Server:
    """A server that was sent this at once, and has done all it does about it."""
    server = Server(limits, is_signed_in=is_signed_in)
    await server.open()
    server.protocol.data_received(data)
    for _ in range(200):
        await asyncio.sleep(0)
    return server


async def test_a_close_is_waited_for_as_long_as_is_set() -> None:
    limits = Limits(close_s=7.0, anonymous_close_s=0.5)
    for is_signed_in, close_s in ((True, 7.0), (False, 0.5)):
        server = Server(limits, is_signed_in=is_signed_in)
        await server.open()
        assert server.protocol.close_timeout == close_s
        await server.close()


@pytest.mark.validation_point("socket.anonymous")
@pytest.mark.parametrize("data", [PONG * 40, PING * 40, BEGUN + EMPTY * 40])
async def test_before_a_sign_in_too_many_frames_of_any_kind_end_the_connection(data: bytes) -> None:
    server = await said_after(Limits(), data, is_signed_in=False)
    assert server.receiver.told == ["socket.anonymous"]
    assert server.socket.paused
    server.protocol.data_received(PONG)  # is not parsed any more
    assert server.receiver.told == ["socket.anonymous"]
    assert server.protocol.close_timer is not None
    await server.close()


@pytest.mark.validation_point("socket.frames")
async def test_pongs_of_a_user_have_a_rate() -> None:
    server = await said_after(Limits(raw_frame_burst=100, frames_a_turn=128), PONG * 101)
    assert server.receiver.told[-1] == "socket.frames"
    assert server.receiver.told.count("pong") == 0
    await server.close()


@pytest.mark.validation_point("socket.fragments")
async def test_empty_fragments_without_end_end_the_connection() -> None:
    server = await said_after(Limits(), BEGUN + EMPTY * 300)
    assert server.receiver.told == ["socket.fragments"]
    await server.close()


@pytest.mark.validation_point("socket.bytes")
async def test_large_texts_have_a_rate_also_where_each_comes_whole() -> None:
    text = client_frame(Opcode.TEXT, b"t" * 50_000)
    server = Server(Limits(byte_rate=1_024, byte_burst=120_000))
    await server.open()
    for _ in range(3):
        server.protocol.data_received(text)
    assert server.receiver.told == [b"t" * 50_000, b"t" * 50_000, "socket.bytes"]
    await server.close()


@pytest.mark.validation_point("socket.unread")
async def test_pings_whose_pongs_are_not_read_take_bounded_memory() -> None:
    server = await said_after(Limits(outbox_bytes=5_000, frames_a_turn=128), PING * 400)
    assert server.receiver.told == ["socket.unread"]
    assert sum(map(len, server.socket.written)) < 5_000 + 128 * 127 + 200
    await server.close()


async def test_of_one_connection_only_so_many_frames_are_parsed_before_others_have_their_turn() -> None:
    server = Server(Limits(frames_a_turn=10))
    await server.open()
    server.protocol.data_received(PONG * 25)
    assert (len(server.receiver.told), server.socket.paused) == (10, True)
    server.protocol.data_received(client_frame(Opcode.TEXT, b"behind"))
    assert len(server.receiver.told) == 10
    await asyncio.sleep(0)
    assert (len(server.receiver.told), server.socket.paused) == (20, True)
    await asyncio.sleep(0)
    assert server.receiver.told[20:] == ["pong"] * 5 + [b"behind"]
    assert not server.socket.paused
    await server.close()


async def test_of_one_connection_only_so_many_bytes_are_parsed_before_others_have_their_turn() -> None:
    server = Server(Limits(bytes_a_turn=50_000))
    await server.open()
    server.protocol.data_received(
        b"".join(client_frame(Opcode.TEXT, each * 40_000) for each in (b"a", b"b", b"c", b"d", b"e"))
    )
    assert ([_first(text) for text in server.receiver.told], server.socket.paused) == ([b"a", b"b"], True)
    await asyncio.sleep(0)
    assert ([_first(text) for text in server.receiver.told], server.socket.paused) == ([b"a", b"b", b"c", b"d"], True)
    await asyncio.sleep(0)
    assert (len(server.receiver.told), server.socket.paused) == (5, False)
    await server.close()


async def test_one_that_is_read_several_times_in_a_turn_has_no_more_of_it_than_others() -> None:
    texts = [client_frame(Opcode.TEXT, each * 40_000) for each in (b"a", b"b", b"c", b"d")]
    server = Server(Limits(bytes_a_turn=50_000))
    await server.open()
    for text in texts[:2]:
        server.protocol.data_received(text)
    assert (len(server.receiver.told), server.socket.paused) == (2, True)
    server.protocol.data_received(texts[2][:10])  # what had been read before it was told to wait
    server.protocol.data_received(texts[2][10:] + texts[3][:10])
    server.protocol.data_received(texts[3][10:])
    assert len(server.receiver.told) == 2
    await asyncio.sleep(0)
    assert ([_first(text) for text in server.receiver.told], server.socket.paused) == ([b"a", b"b", b"c", b"d"], True)
    await asyncio.sleep(0)
    assert not server.socket.paused
    await server.close()


async def test_of_many_connections_that_wait_one_goes_on_in_each_turn_of_the_loop() -> None:
    turns = ReadingTurns()
    servers = [Server(Limits(bytes_a_turn=50_000), turns=turns) for _ in range(4)]
    for server in servers:
        await server.open()
    for server in servers:
        server.protocol.data_received(client_frame(Opcode.TEXT, b"a" * 60_000) + client_frame(Opcode.TEXT, b"b" * 10))
    told = []
    while sum(server.socket.paused for server in servers):
        await asyncio.sleep(0)
        told.append(sum(len(server.receiver.told) for server in servers))
    assert told == [5, 6, 7, 8]
    for server in servers:
        await server.close()


async def test_what_waits_for_its_turn_is_dropped_with_the_connection() -> None:
    server = Server(Limits(frames_a_turn=1))
    await server.open()
    server.protocol.data_received(PONG * 3)
    await server.close()
    server.socket.closing = True
    await asyncio.sleep(0)
    assert server.receiver.told == ["pong"]


async def test_a_text_that_is_too_long_is_told_by_its_head_and_one_over_the_second_bound_closes() -> None:
    server = Server()
    await server.open()
    server.protocol.data_received(client_frame(Opcode.TEXT, b"t" * (MOST + 1)))
    await asyncio.sleep(0)
    server.protocol.data_received(client_frame(Opcode.TEXT, b"t" * (2 * MOST)))
    await asyncio.sleep(0)
    assert server.receiver.told == [("too long", MOST), ("too long", MOST)]
    server.protocol.data_received(client_frame(Opcode.TEXT, b"t" * (2 * MOST + 1)))
    assert b"\x03\xf1" in b"".join(server.socket.written)  # 1009
    await server.close()


async def test_before_a_sign_in_a_text_that_is_too_long_closes() -> None:
    server = Server(Limits(), is_signed_in=False)
    await server.open()
    server.protocol.data_received(client_frame(Opcode.TEXT, b"t" * 65_537))
    assert server.receiver.told == []
    assert b"\x03\xf1" in b"".join(server.socket.written)
    await server.close()


async def test_a_peer_that_sends_too_much_before_it_is_accepted_is_cut_off() -> None:
    server = Server(Limits(), is_signed_in=False)
    transport: Any = server.socket
    server.protocol.connection_made(transport)
    server.protocol.data_received(HANDSHAKE)
    server.protocol.data_received(PONG * 40)
    assert server.socket.aborted
    await server._attached.wait()
    await server.close()


def _first(text: Any) -> Any:
    return text[:1]
