"""An event loop whose time is virtual: when nothing is ready, it is at once the time of the next timer."""

from __future__ import annotations

import asyncio
from typing import Any

from ..clock import START_MS


class NothingWillHappen(RuntimeError):
    """The loop was asked to wait, and no timer is set: whoever waits, waits for ever."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs callbacks and tasks as asyncio does, in the same order every time, without sockets, threads or wall time."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._clock_resolution = 1e-6  # also after years, when a float's last digit is coarser than nanoseconds
        self._selector: Any = self  # what BaseEventLoop waits with

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """Let time pass instead of waiting."""
        if timeout is None:
            raise NothingWillHappen("no timer is set")
        self._now += max(timeout, 0.0)
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none: no sockets."""

    def _write_to_self(self) -> None:
        """Nobody waits who could be woken: no threads."""


class VirtualClock:
    """``ports.Clock`` of a virtual loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        return START_MS + int(self._loop.time() * 1000)

    def monotonic(self) -> float:
        return self._loop.time()
