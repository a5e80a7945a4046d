"""uvicorn's WebSocket protocol with a shorter way: messages handed over without a queue, frames joined into one write.

The application finds itself a ``DirectWire`` in ``scope["extensions"]["netra.wire"]``; under any other ASGI server there is
none and ``AsgiWire`` does the same through ``receive`` and ``send``. No close of ours has the code 1011: keepalive is the
session's (4409), so uvicorn's own is off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

from ...core.errors import Refusal
from ...core.traffic import AnonymousTraffic, FrameScanner, UserTraffic, check_fragments, check_unread
from ..http.anonymous_connections import Guest
from ..http.server_config import limits_of, reading_of
from ..http.uvicorn_http import BAD_REQUEST

try:
    from websockets.speedups import apply_mask
except ImportError:  # pragma: no cover  # a platform that the library has no extension for
    from websockets.utils import apply_mask

EXTENSION: Final = "netra.wire"
_LIBRARY: Final = logging.getLogger("netra.uvicorn_websocket")
_LIBRARY.setLevel(logging.WARNING)
_PING: Final = b"netra"
_SMALL_BYTES: Final = 1024
"""Whole texts of so many bytes are counted as frames alone, by the session."""
_TOO_BIG: Final = 1009


class Receiver(Protocol):
    """What a wire tells."""

    def received(self, raw: bytes | str) -> None: ...

    def too_long(self, head: bytes | str) -> None: ...

    def overrun(self, refusal: Refusal) -> None: ...

    def ponged(self) -> None: ...

    def writable(self) -> None: ...

    def disconnect(self, code: int, reason: str) -> None: ...


def text_frame_header(length: int) -> bytes:
    """The header of an unmasked, final text frame (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((0x81, length))
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")


_HEADERS: Final = tuple(text_frame_header(length) for length in range(1024))
"""Of the lengths that most frames have."""


def whole_text(data: bytes, most: int) -> bytes | None:
    """The text, where ``data`` is exactly one text frame of a client, final and of at most ``most`` bytes (RFC 6455, 5.2)."""
    if len(data) < 6 or data[0] != 0x81:
        return None
    length, mask_at = data[1] - 0x80, 2  # below 0 where it is not masked
    if length > 125:
        length, mask_at = (data[2] << 8 | data[3], 4) if length == 126 else (-1, 2)
    text_at = mask_at + 4
    if not 0 <= length <= most or len(data) != text_at + length:
        return None
    return apply_mask(data[text_at:], data[mask_at:text_at])


def is_between_messages(connection: ServerProtocol) -> bool:
    """Whether the next byte of the peer begins a message. Asks the library's parser what it waits for: nothing of a frame was
    read yet where that is to know if there will be one."""
    waiting: Any = connection.parser
    while waiting.gi_yieldfrom is not None:
        waiting = waiting.gi_yieldfrom
    return (
        waiting.gi_code is StreamReader.at_eof.__code__
        and connection.state is State.OPEN
        and connection.current_size is None
    )


class DirectWire:
    """``websocket_core.outgoing.Wire`` on a uvicorn connection."""

    __slots__ = ("_protocol", "sent")

    def __init__(self, protocol: DirectWebSocketProtocol) -> None:
        self._protocol = protocol
        self.sent = 0
        """Bytes of frames so far."""

    def attach(self, receiver: Receiver) -> None:
        """From now on messages go to the receiver and no longer through ``receive``."""
        self._protocol.receiver = receiver

    def signed_in(self, traffic: UserTraffic) -> None:
        """Whose it is is known: from now on it counts in its user's traffic."""
        self._protocol.signed_in(traffic)

    @property
    def writable(self) -> bool:
        return self._protocol.writable.is_set()

    @property
    def unsent(self) -> int:
        return self._protocol.transport.get_write_buffer_size()

    def send(self, frames: Sequence[bytes]) -> None:
        protocol = self._protocol
        if protocol.close_sent or protocol.transport.is_closing():
            return
        parts: list[bytes] = []
        for frame in frames:
            length = len(frame)
            parts += (_HEADERS[length] if length < len(_HEADERS) else text_frame_header(length), frame)
        data = b"".join(parts)
        self.sent += len(data)
        protocol.transport.write(data)

    def ping(self) -> bool:
        protocol = self._protocol
        if not protocol.close_sent and not protocol.transport.is_closing():
            protocol.conn.send_ping(_PING)
            protocol.transport.write(b"".join(protocol.conn.data_to_send()))
        return True

    def close(self, code: int, reason: str) -> None:
        protocol = self._protocol
        if protocol.close_sent or protocol.transport.is_closing():
            return
        protocol.conn.send_close(code, reason)
        protocol.transport.write(b"".join(protocol.conn.data_to_send()))
        protocol.close_sent = True
        protocol.close_timer = protocol.loop.call_later(protocol.close_timeout, protocol.transport.abort)
        protocol.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})


class DirectWebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, whose messages may go straight to a receiver.

    Every frame and byte is counted before it is parsed, and of one connection only so many of both are parsed in one turn of
    the loop, however often it is read in it: what came with them waits, and nothing more is read meanwhile. Of those that
    wait one goes on in each turn.
    """

    receiver: Receiver | None = None
    guest: Guest | None = None
    _between_messages = False
    _deaf = False
    _waits = False
    _of_turn = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Its own lines would hold query strings, and so tickets; what an operator needs is in the access log.
        self.logger = self.conn.logger = _LIBRARY
        limits = limits_of(self.config)
        self._limits = limits
        self._frame_bytes = limits.frame_bytes
        self._frames_a_turn = limits.frames_a_turn
        self._bytes_a_turn = limits.bytes_a_turn
        self._most_unread = limits.anonymous_bytes
        self.conn.max_message_size = limits.frame_bytes
        self._scanner = FrameScanner()
        self._traffic: AnonymousTraffic | UserTraffic = AnonymousTraffic(limits)
        self._held = b""
        self._turns = reading_of(self.config)
        self.close_timeout = limits.anonymous_close_s
        self._end: asyncio.TimerHandle | None = None

    def signed_in(self, traffic: UserTraffic) -> None:
        """Whose it is is known: from now on the bounds are those of a user, and it counts in its user's traffic."""
        limits = self._limits
        self.close_timeout = limits.close_s
        if self.guest is not None:
            self.guest.signed_in()
        self._traffic = traffic
        self._most_unread = limits.outbox_bytes
        self.conn.max_message_size = limits.message_bytes

    def data_received(self, data: bytes) -> None:
        """Nearly always this is one short text frame, whole; the library is asked about everything else."""
        if self._between_messages and self.receiver is not None and not self.close_sent:
            text = whole_text(data, self._frame_bytes)
            if text is not None:
                if len(data) <= _SMALL_BYTES:
                    self._hand_over(self.receiver, text)
                elif self._may_send(0, 0, len(data), 1):
                    self._hand_over(self.receiver, text)
                    self._pace(len(data))
                return
        if not self.handshake_initiated:
            super().data_received(data)
            if not self.handshake_initiated and not self.transport.is_closing():
                # The whole head was there, and the library took it for none: it would wait for ever.
                self.transport.write(BAD_REQUEST)
                self.transport.close()
        elif self._waits:
            self._held += data
            self._between_messages = False
            self.transport.pause_reading()
        elif not self._deaf:
            self._take(data)
        self._bound_end()

    def _take(self, data: bytes) -> None:
        end, frames, others, fragments = self._scanner.scan(data, self._frames_a_turn, self._bytes_a_turn)
        if not self._may_send(frames, others, end, fragments):
            return
        super().data_received(data[:end] if end < len(data) else data)
        self._between_messages = end == len(data) and is_between_messages(self.conn)
        if end == len(data):
            self._pace(end)
        elif not self._deaf and not self.transport.is_closing():
            self._held = data[end:]
            self._wait()

    def _pace(self, size: int) -> None:
        """Count what was parsed: one that was read often has not had its turn for each."""
        self._of_turn += size
        if self._of_turn >= self._bytes_a_turn and not self._deaf and not self.transport.is_closing():
            self._wait()

    def _wait(self) -> None:
        """Let others have their turn."""
        self._waits, self._of_turn = True, 0
        self.transport.pause_reading()
        self._turns.wait(self.loop, self._go_on)

    def _go_on(self) -> None:
        """Others have had their turn."""
        self._waits = False
        held, self._held = self._held, b""
        if self._deaf or self.transport.is_closing():
            return
        if held:
            self._take(held)
            self._bound_end()
        if not self._waits and not self._deaf and not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def _may_send(self, frames: int, others: int, size: int, fragments: int) -> bool:
        try:
            self._traffic.take(frames, others, size, self.loop.time())
            check_fragments(fragments, self._limits)
        except Refusal as refusal:
            self._turn_off(refusal)
            return False
        return True

    def turned_away(self, refusal: Refusal) -> None:
        """Its place is another's: what it does not take of the reason as it leaves is lost, and its descriptor is free."""
        if not self._deaf:
            self._turn_off(refusal)
        self.loop.call_soon(
            self.loop.call_soon, self.transport.abort
        )  # frames leave at the end of the loop's next turn

    def eof_received(self) -> None:
        """The peer sends nothing more, with or without a close: what it has not taken keeps neither socket nor count."""
        super().eof_received()
        self.transport.close()
        self._bound_end()

    def shutdown(self) -> None:
        super().shutdown()
        self._bound_end()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._bound_end()

    def _bound_end(self) -> None:
        """A close waits for the peer to take what was sent: not for ever."""
        if self._end is None and not self.disconnected and self.transport.is_closing():
            self._end = self.loop.call_later(self._limits.anonymous_close_s, self.transport.abort)

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.close" and self.close_timer is not None:
            self.close_timer.cancel()  # it would close, and wait for what is not taken
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True  # by its answer; else the library logs an error for each handshake refused

    def _turn_off(self, refusal: Refusal) -> None:
        """Tell why, and take nothing more from this peer."""
        self._deaf = True
        if self.receiver is not None and not self.close_sent:
            self.receiver.overrun(refusal)
        elif self.handshake_complete and not self.close_sent and self.conn.state is State.OPEN:
            DirectWire(self).close(refusal.entry.close_code or _TOO_BIG, refusal.entry.id)
        if self.transport.is_closing() or not self.handshake_complete:
            self.transport.abort()
            return
        self.transport.pause_reading()
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(self._limits.anonymous_close_s, self.transport.abort)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = DirectWire(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Lets go of whatever holds it in turn, so that a connection's memory is free at once, without the collector."""
        super().connection_lost(exc)
        if self._end is not None:
            self._end.cancel()
        self.receiver = None
        self._held = b""
        if self.guest is not None:
            self.guest.closed()
            self.guest = None
        self.conn.parser.close()
        if hasattr(self, "scope"):
            self.scope["extensions"].pop(EXTENSION, None)

    def send_receive_event_to_app(self) -> None:
        receiver = self.receiver
        if receiver is None:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "text":
            if len(data) > self._frame_bytes:
                receiver.too_long(data[: self._frame_bytes])
            else:
                self._hand_over(receiver, data)
        else:
            receiver.disconnect(1003, "text frames only")

    def _hand_over(self, receiver: Receiver, text: bytes) -> None:
        if text.isascii() or _is_utf8(text):
            receiver.received(text)
        else:
            receiver.disconnect(1007, "not UTF-8")

    def handle_ping(self) -> None:
        super().handle_ping()
        try:
            check_unread(self.transport.get_write_buffer_size(), self._most_unread)
        except Refusal as refusal:
            if not self._deaf:
                self._turn_off(refusal)

    def handle_pong(self, event: Frame) -> None:
        if self.receiver is not None:
            self.receiver.ponged()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.receiver is not None:
            self.receiver.writable()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
