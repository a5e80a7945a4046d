"""``websocket_core.outgoing.Wire`` through plain ASGI, for applications that mount ours under a server of their own.

ASGI has no pings: that server notices a half-open connection itself, and closes it with a code of its own (uvicorn: 1011).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ...core.traffic import UserTraffic
from .uvicorn_websocket import Receiver

Send = Callable[[dict[str, Any]], Awaitable[None]]


class AsgiWire:
    """Keeps what is to be sent for ``send_all``, a task of its own, so that no caller waits; unwritable while that is behind."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: deque[dict[str, Any]] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self.sent = 0
        """Bytes of frames so far."""
        self._receiver: Receiver | None = None

    def attach(self, receiver: Receiver) -> None:
        """Tell this receiver when bytes may leave again."""
        self._receiver = receiver

    def signed_in(self, traffic: UserTraffic) -> None:
        """Whose it is is known; the bounds of frames are the server's own."""

    def detach(self) -> None:
        """Let go of the receiver: each would keep the other from being freed."""
        self._receiver = None

    @property
    def writable(self) -> bool:
        return not self._messages

    @property
    def unsent(self) -> int:
        return len(self._messages)

    def send(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self.sent += len(frame)
            self._put({"type": "websocket.send", "text": frame.decode()})

    def ping(self) -> bool:
        return False

    def close(self, code: int, reason: str) -> None:
        self._put({"type": "websocket.close", "code": code, "reason": reason})
        self._closed = True

    def _put(self, message: dict[str, Any]) -> None:
        if not self._closed:
            self._messages.append(message)
            self._wake.set()

    async def send_all(self) -> None:
        """Send what is put, in order, until a close was sent or the peer is gone."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._messages:
                message = self._messages[0]
                try:
                    await self._send(message)
                except Exception:  # the peer is gone: the server says so through receive
                    return
                self._messages.popleft()
                if message["type"] == "websocket.close":
                    return
            if self._receiver is not None:
                self._receiver.writable()
