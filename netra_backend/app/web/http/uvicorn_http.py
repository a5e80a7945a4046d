"""uvicorn's HTTP protocol with bounds on heads and patience: how long a request's head may be and take, how slowly an
answer may be read, and how long a body may go on that was answered already. Connections without a sign-in have one budget."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from ...core.errors import LimitRefused, Refusal
from .anonymous_connections import CUT, GUEST, SENT
from .paced_http import PacedHttpProtocol
from .request_head import check_fields, check_handshake, check_head, check_host, check_pipeline, declared_length
from .server_config import guests_of, limits_of

_LIBRARY: Final = logging.getLogger("netra.uvicorn_http")
_LIBRARY.setLevel(logging.ERROR)
"""Its warnings are about what strangers send, one line each."""

_END: Final = b"content-length: 0\r\nconnection: close\r\n\r\n"
BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\n" + _END
"""The answer to what is no request, or none that names a host."""
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + _END
_NO_ROOM: Final = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n" + _END
_TURN_BYTES: Final = 4_096
_LATE_BYTES: Final = 16_384
"""So much of a chunked body is parsed after its answer, so that the connection may be used again."""
_LATE_PAUSE_S: Final = 0.05
"""What comes after that is read and thrown away in so long steps, so that its sender comes to read the answer."""
_HEAD_END: Final = b"\r\n\r\n"
_LINE_BYTES: Final = 4
"""Of a header besides its name and value."""


class BoundedHttpProtocol(PacedHttpProtocol):
    """Ends connections whose head is too large or too slow or names no host, those that stop reading what they asked for, and
    those that go on sending what was refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _LIBRARY
        self._limits = limits_of(self.config)
        self._head_bytes = self._exact_bytes = self._sent_bytes = 0
        self._tail = b""
        self._is_refused = False
        self._is_late = False
        self._body_left = 0
        """What is to come of a body whose length was declared."""
        self._late_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._unread = 0
        """What its reader had not taken when that was last looked at."""
        self._download: asyncio.TimerHandle | None = None
        """Cuts off an answer that has waited for its reader, however steadily that one reads."""
        self._linger: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base has it
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # a single byte that is not taken starts the patience, also of a close
        self._deadline = self.loop.call_later(self._limits.head_s, transport.abort)
        guests = guests_of(self.config)
        if guests is not None:
            try:
                self.guest = guests.opened(self.client[0] if self.client else "", self._turned_away)
            except LimitRefused as refusal:
                self._turned_away(refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._stop_lingering()
        self._end_download()
        self.resume_writing()
        if self.guest is not None:
            self.guest.closed()
            self.guest = None
        served, self._served = self._served, None
        if served is not None and not served.response_complete:
            served.disconnected = True
            served.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self._is_refused and not self._is_late:
            self.transport.close()  # what it waits for is not worth waiting for
        else:
            super().shutdown()

    def handle_websocket_upgrade(self) -> None:
        if self._head_is_refused(upgrades=True):
            return
        if self._stall is not None:  # who has not read the answer before would not read this one either
            self._is_refused = True
            self.transport.abort()
        elif self._next is not None:  # behind a request that waits: no client does this
            self._refuse(BAD_REQUEST)
        else:
            super().handle_websocket_upgrade()

    def _upgrade(self) -> None:
        self._end_download()
        self.transport.set_write_buffer_limits()
        super()._upgrade()
        self.parser = None  # type: ignore[assignment]  # as after a loss: each would keep the other from being freed
        guest, self.guest = self.guest, None
        protocol: Any = self.transport.get_protocol()
        if guest is None:
            return
        if hasattr(protocol, "guest"):
            protocol.guest = guest
            guest.turn_away = protocol.turned_away
        else:  # another one, which would not say when it is gone
            guest.closed()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            if self._is_late:
                self._read_later()
            return
        if self._held or self._is_upgrading:
            self._held += data
            self.transport.pause_reading()
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Have it parsed. What is not all one body of known length may be many small things, each with its cost: of those, others
        have their turn between."""
        rest = b""
        if len(data) > max(_TURN_BYTES, self._body_left):
            cut = max(_TURN_BYTES, self._body_left)
            data, rest = data[:cut], data[cut:]
        self._parse(data)
        if rest and not self._is_refused and not self.transport.is_closing() and self.parser is not None:
            self._held = rest
            self.transport.pause_reading()
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._rest is not None or self._is_upgrading:
            return  # until it has rested, or is another protocol's
        held, self._held = self._held, b""
        if not held or self._is_refused or self.transport.is_closing() or self.parser is None:
            return
        self._take(held)
        if not self._held and not self.flow.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def _read_later(self) -> None:
        self.transport.pause_reading()
        self.loop.call_later(_LATE_PAUSE_S, self._read_on)

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _parse(self, data: bytes) -> None:
        if self._is_answered():
            self._late_bytes += len(data)
            if self._late_bytes > _LATE_BYTES and self._body_left == 0:
                self._is_refused = self._is_late = True  # until it has lingered, what comes is thrown away as it is
                self._read_later()
                return
        if self._in_head:
            if self._deadline is None:
                self._deadline = self.loop.call_later(self._limits.head_s, self.transport.abort)
            end = (self._tail + data).find(_HEAD_END)
            head = len(data) if end < 0 else end + len(_HEAD_END) - len(self._tail)
            self._sent_bytes, self._tail = self._head_bytes + head, data[1 - len(_HEAD_END) :]
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self._limits.head_bytes and not self.transport.is_closing():
            self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        check_pipeline(len(self.pipeline), self._limits.pipelined_requests)  # what it raises ends the parser's work
        super().on_message_begin()
        self._exact_bytes = 0
        if self.guest is not None:
            self.guest.anonymous_again()
            scope: Any = self.scope
            scope["extensions"] = {GUEST: self.guest, SENT: self.flow.drain, CUT: self.transport.close}

    def on_url(self, url: bytes) -> None:
        self._exact_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_refused:
            return
        self._exact_bytes += len(name) + len(value) + _LINE_BYTES
        super().on_header(name, value)
        try:
            check_fields(len(self.headers), self._limits.head_fields)
        except Refusal:
            self._refuse(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._disarm()
        self._exact_bytes = max(self._exact_bytes, self._sent_bytes)  # blanks before a value are in no header
        if self.parser.should_upgrade() and self._should_upgrade():
            super().on_headers_complete()
            return
        self._late_bytes = 0
        self._body_left = declared_length(self.headers)
        is_refused = self._head_is_refused()
        if is_refused:
            self.app, serve = _nothing, self.app  # the parser goes on to the end of what it was given
            super().on_headers_complete()
            self.app = serve
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_left = max(0, self._body_left - len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._body_left = 0
        self._head_bytes = self._sent_bytes = 0
        self._tail = b""
        self._stop_lingering()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._end_download()
        self._leave_idle()
        if not self._in_head:
            self._linger = self.loop.call_later(self._limits.linger_s, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_reader()
        if self._download is None and self._served is not None and not self._served.response_complete:
            self._download = self.loop.call_later(self._limits.download_s, self.transport.abort)

    def _wait_for_reader(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._stall = self.loop.call_later(self._limits.stall_s, self._judge_reader)

    def _judge_reader(self) -> None:
        """Cut off who has not kept up the least rate. While an answer waits nothing is added to it, so what is less was taken."""
        taken = self._unread - self.transport.get_write_buffer_size()
        if taken < self._limits.stall_s * self._limits.body_rate:
            self.transport.abort()
        else:
            self._wait_for_reader()

    def resume_writing(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        super().resume_writing()
        self._leave_idle()

    def _leave_idle(self) -> None:
        """Once an answer was made and has left, nobody is signed in over the connection until its next request."""
        is_idle = self._stall is None and (self._served is None or self._served.response_complete)
        if is_idle and self.guest is not None:
            self.guest.anonymous_again()

    def _is_answered(self) -> bool:
        """Whether a body goes on whose answer was sent."""
        return not self._in_head and self.cycle is not None and self.cycle.response_complete

    def _head_is_refused(self, *, upgrades: bool = False) -> bool:
        if self._is_refused:
            return True
        try:
            check_head(self._exact_bytes, self._limits.head_bytes)
        except Refusal:
            self._refuse(_TOO_LARGE)
            return True
        try:
            version = self.parser.get_http_version()
            check_host(self.headers, version)
            if upgrades:
                check_handshake(self.headers, version)
        except Refusal:
            self._refuse(BAD_REQUEST)
            return True
        return False

    def _turned_away(self, _: Refusal) -> None:
        """Its place is another's: what it does not take of the answer in this moment is lost, and its descriptor is free."""
        if self.cycle is None or self.cycle.response_complete:
            self._is_refused = True
            self._say(_NO_ROOM)
        self.transport.abort()

    def _refuse(self, answer: bytes) -> None:
        """Say so, and hear nothing more. If its address gets too many answers this one waits, and keeps its place meanwhile."""
        self._is_refused = True
        if self.transport.is_closing():
            return
        rest_s = 0.0 if self.guest is None or self.guest.is_signed_in else self.guest.rest_s(self.loop.time())
        if rest_s:
            self.transport.pause_reading()
            self.loop.call_later(rest_s, self._say, answer)
        else:
            self._say(answer)

    def _say(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_download(self) -> None:
        if self._download is not None:
            self._download.cancel()
            self._download = None

    def _stop_lingering(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """Is answered without it."""
    while (await receive())["type"] != "http.disconnect":
        """Of what was refused nothing is taken."""
