"""What goes out over one socket: in order, only of its owner, in one write for each iteration of the loop, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from ..core.outbox import Outbox
from ..ports import Clock
from .websocket_connection_pool import WebSocketConnectionPool


class Wire(Protocol):
    """One accepted WebSocket. No method waits."""

    @property
    def writable(self) -> bool:
        """Whether bytes leave at once; when that returns, ``Connection.writable`` is called."""

    @property
    def unsent(self) -> int:
        """How much of what was sent the socket has not taken yet; less of it means progress."""

    def send(self, frames: Sequence[bytes]) -> None:
        """Send text frames, in one write."""

    def ping(self) -> bool:
        """Send a ping; ``False`` if pings are somebody else's work, so that no pong will come in."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and end the connection."""


class Outgoing:
    """The half of a connection that writes. It calls ``on_slow`` once its reader has fallen too far behind."""

    __slots__ = (
        "_clock",
        "_drain",
        "_is_flush_due",
        "_loop",
        "_on_slow",
        "_pool",
        "_unsent",
        "_wire",
        "catching_up",
        "is_closed",
        "outbox",
    )

    def __init__(
        self,
        outbox: Outbox,
        wire: Wire,
        pool: WebSocketConnectionPool,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        on_slow: Callable[[], None],
    ) -> None:
        self.outbox = outbox
        self.catching_up: set[str] = set()
        self.is_closed = False
        self._wire = wire
        self._pool = pool
        self._clock = clock
        self._loop = loop
        self._on_slow: Callable[[], None] | None = on_slow
        self._is_flush_due = False
        self._unsent = -1  # unknown while the socket takes bytes
        self._drain: asyncio.Future[None] | None = None

    def deliver(self, owner: str, thread_id: str, frames: Sequence[bytes]) -> bool:
        """Queue committed events; a thread that is being caught up comes from the log instead. Returns whether a ``flush`` is
        wanted. Raises ``SSotIsolationError`` if they belong to another user."""
        if self.is_closed or (self.catching_up and thread_id in self.catching_up):
            return False
        if not self.outbox.put(owner, frames) and not self._relieved():
            self._slow()
            return False
        if self._is_flush_due:
            return False
        self._is_flush_due = True
        return True

    def push(self, frames: Sequence[bytes]) -> None:
        """Queue frames that are this connection's own; they leave at the end of this iteration of the loop."""
        if self.is_closed:
            return
        if not self.outbox.put(self.outbox.owner, frames) and not self._relieved():
            self._slow()
        elif not self._is_flush_due:
            self._is_flush_due = True
            self._pool.touch(self)

    def flush(self) -> None:
        """Send what is queued, in one write, if the socket takes it."""
        self._is_flush_due = False
        if self.is_closed or not self.outbox.bytes:
            return
        wire = self._wire
        if wire.writable:
            wire.send(self.outbox.take())
            self._wake()
        if not wire.writable:
            if self._unsent < 0:
                self._unsent = wire.unsent
            self.outbox.paused(self._clock.monotonic())

    def writable(self) -> None:
        """The socket takes bytes again."""
        self._unsent = -1
        self.outbox.resumed()
        self.flush()

    async def drained(self) -> None:
        """Wait until what was queued has left, so that a long replay takes no more memory than one page."""
        while self.outbox.bytes and not self.is_closed:
            if self._drain is None:
                self._drain = self._loop.create_future()
            await asyncio.shield(self._drain)

    def ping(self) -> bool:
        """Send a ping; ``False`` if no pong will come in."""
        return self._wire.ping()

    def is_stalled(self, now: float) -> bool:
        """Whether the socket has taken nothing for too long."""
        return self.outbox.is_stalled(now) and not self._progressed(now)

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, if the socket takes it, and a close frame."""
        if self._wire.writable and self.outbox.bytes:
            self._wire.send(self.outbox.take())
        self._wire.close(code, reason)

    def stop(self) -> None:
        """The socket is gone: send nothing more, and let go of the connection."""
        self.is_closed = True
        self._on_slow = None
        self._wake()

    def _slow(self) -> None:
        if self._on_slow is not None:
            self._on_slow()

    def _relieved(self) -> bool:
        """Whether the socket takes at once what went over the outbox's bound: a reader that keeps up is never slow, however
        much comes at once."""
        self.flush()
        return not self.outbox.bytes

    def _progressed(self, now: float) -> bool:
        """Whether a socket that takes nothing more has at least taken some of what it was given."""
        before, self._unsent = self._unsent, self._wire.unsent
        if self._unsent >= before:
            return False
        self.outbox.resumed()
        self.outbox.paused(now)
        return True

    def _wake(self) -> None:
        drain = self._drain
        if drain is not None:
            self._drain = None
            if not drain.done():
                drain.set_result(None)
