"""One connection between a device and a server process: two directions with delays, a window, and a cable that is cut."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Protocol

Call = Callable[[], object]


class Cable(Protocol):
    """A connection as its device holds it; ``missing`` are live events that were kept from it, as (thread, position)."""

    missing: set[tuple[str, int]]
    stalled: bool

    def send_up(self, text: str) -> None:
        """Send a text frame to the server."""

    def cut(self, noticed_after: float | None) -> None:
        """Lose it: what is under way is lost too. The server notices after a while, or only by missing pongs."""


class Near(Protocol):
    """A device's end."""

    def came(self, link: Cable, frame: bytes) -> None:
        """A frame came in."""

    def ended(self, link: Cable, code: int | None) -> None:
        """The connection is gone; ``None`` without a close frame."""


class Far(Protocol):
    """A server's end: ``websocket_core.connection.Connection``."""

    def received(self, raw: bytes | str) -> None: ...

    def ponged(self) -> None: ...

    def writable(self) -> None: ...

    def lost(self) -> None: ...


class InOrder:
    """Calls that arrive after random delays, in the order in which they were sent."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rng: Random, slowest: float) -> None:
        self._loop = loop
        self._rng = rng
        self._slowest = slowest
        self._at = 0.0
        self._calls: deque[Call] = deque()
        self.is_cut = False

    def send(self, call: Call) -> None:
        """Have it called on the other side."""
        rng = self._rng
        delay = rng.random() * (self._slowest if rng.random() < 0.1 else 0.02)
        self._at = max(self._at, self._loop.time() + delay)
        self._calls.append(call)
        self._loop.call_at(self._at, self._arrive)

    def _arrive(self) -> None:
        call = self._calls.popleft()
        if not self.is_cut:
            call()


class Link:
    """``websocket_core.outgoing.Wire`` for the server; ``send_up`` and ``cut`` for the device.

    A device that is ``stalled`` reads nothing; above ``window`` unread bytes the server's end is not writable. ``missing``
    are live events that a lossy bus kept from this connection, as (thread, position).
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, rng: Random, near: Near, *, window: int, slowest: float
    ) -> None:
        self._loop = loop
        self._near = near
        self._far: Far | None = None
        self._up = InOrder(loop, rng, slowest)
        self._down = InOrder(loop, rng, slowest)
        self._window = window
        self._unread = 0
        self._inbox: deque[tuple[Call, int]] = deque()
        self.stalled = False
        self.to_lose = 0
        self.missing: set[tuple[str, int]] = set()

    # --- the server's end -------------------------------------------------------------------------------------------

    def attach(self, far: Far) -> None:
        """What the device sends goes here."""
        self._far = far

    @property
    def writable(self) -> bool:
        return self._unread < self._window

    @property
    def unsent(self) -> int:
        return self._unread

    def send(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            self._unread += len(frame)
            self._down.send(partial(self._arrived, partial(self._near.came, self, frame), len(frame)))

    def ping(self) -> bool:
        self._down.send(partial(self._arrived, partial(self._up.send, self._pong), 0))
        return True

    def close(self, code: int, reason: str) -> None:
        self._up.is_cut = True
        self._down.send(partial(self._arrived, partial(self._end, code), 0))
        self._loop.call_soon(self._lost)

    def _lost(self) -> None:
        if self._far is not None:
            self._far.lost()

    def _pong(self) -> None:
        if self._far is not None:
            self._far.ponged()

    def break_off(self) -> None:
        """The server's process is gone; the device hears of it after a while."""
        self._up.is_cut = True
        self._far = None
        self._down.send(partial(self._arrived, partial(self._end, None), 0))

    # --- the device's end -------------------------------------------------------------------------------------------

    def send_up(self, text: str) -> None:
        """Send a text frame to the server."""
        self._up.send(partial(self._received, text))

    def _received(self, text: str) -> None:
        if self._far is not None:
            self._far.received(text)

    def cut(self, noticed_after: float | None) -> None:
        """Pull the cable: what is under way is lost. The server notices after a while, or only by missing pongs."""
        self._up.is_cut = self._down.is_cut = True
        self._inbox.clear()
        if noticed_after is not None:
            self._loop.call_later(noticed_after, self._lost)

    def stall(self) -> None:
        """Read nothing for now."""
        self.stalled = True

    def go_on(self) -> None:
        """Read what has come since."""
        self.stalled = False
        while self._inbox and not self.stalled:
            self._read(*self._inbox.popleft())

    def _arrived(self, call: Call, size: int) -> None:
        if self.stalled:
            self._inbox.append((call, size))
        else:
            self._read(call, size)

    def _read(self, call: Call, size: int) -> None:
        was_writable = self.writable
        self._unread -= size
        call()
        if not was_writable and self.writable and self._far is not None:
            self._loop.call_soon(self._tell_writable)

    def _tell_writable(self) -> None:
        if self._far is not None and not self._up.is_cut:
            self._far.writable()

    def _end(self, code: int | None) -> None:
        self._up.is_cut = self._down.is_cut = True
        self._near.ended(self, code)
