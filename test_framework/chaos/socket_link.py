"""A real WebSocket as a device of the simulation holds it: it is cut without a farewell, in the middle of whatever goes on.

``websockets`` speaks the protocol without doing input or output, so that sending never waits and bytes are read as they come.
"""

from __future__ import annotations

import asyncio
from typing import Final

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from ..simulation.link import Near

_SWITCHING_PROTOCOLS: Final = 101


class SocketLink(asyncio.Protocol):
    """``simulation.link.Cable`` over TCP. ``near`` is told of each text frame, and once of the end."""

    def __init__(self, near: Near, url: str, token: str) -> None:
        self.missing: set[tuple[str, int]] = set()
        self.stalled = False
        self._near = near
        self._token = token
        self._uri = parse_uri(url)
        self._protocol = ClientProtocol(self._uri, max_size=None)
        self._transport: asyncio.Transport | None = None
        self._over = False
        self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, self._uri.host, self._uri.port)
        except OSError:
            self._end(None)

    # --- the device's end -------------------------------------------------------------------------------------------

    def send_up(self, text: str) -> None:
        """``Cable``."""
        self.send_frame(Frame(Opcode.TEXT, text.encode()))

    def send_frame(self, frame: Frame) -> None:
        """Send any frame, valid or not, where the connection is open."""
        if self._protocol.state is State.OPEN and not self._over:
            self._protocol.send_frame(frame)
            self._flush()

    def cut(self, noticed_after: float | None) -> None:
        """``Cable``; the server notices when its kernel does."""
        self._over = True
        self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    # --- what the loop tells ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._over:
            transport.abort()
            return
        request = self._protocol.connect()
        request.headers.update(Headers(Authorization=f"Bearer {self._token}"))
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._flush()
        for event in self._protocol.events_received():
            if self._over:
                return
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._near.came(self, bytes(event.data))
            elif isinstance(event, Response) and event.status_code != _SWITCHING_PROTOCOLS:
                self._end(None)

    def eof_received(self) -> None:
        self._protocol.receive_eof()

    def connection_lost(self, error: Exception | None) -> None:
        received = self._protocol.close_rcvd
        self._end(received.code if received is not None else None)

    def _flush(self) -> None:
        if self._transport is not None:
            for data in self._protocol.data_to_send():
                if data:
                    self._transport.write(data)
                else:
                    self._transport.close()

    def _end(self, code: int | None) -> None:
        if not self._over:
            self._over = True
            if self._transport is not None:
                self._transport.abort()
            self._near.ended(self, code)
