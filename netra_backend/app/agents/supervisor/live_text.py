"""Text that an agent streams as it comes: shown in few events, soon, and in its order among the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from ...core.errors import NetraError
from ...ports import Clock
from .model_stream import INTERVAL_S, MAX_CHARACTERS

_Source = TypeVar("_Source", bound=Hashable)


class LiveText(Generic[_Source]):
    """Gives ``emit`` the text of each source at most every 50 ms, or when it has grown to 4,096 characters. ``flush`` shows all
    that waits: called before any other event of the run."""

    __slots__ = ("_clock", "_emit", "_emitted_at", "_loop", "_parts", "_size", "_source", "_timer")

    def __init__(self, clock: Clock, loop: asyncio.AbstractEventLoop, emit: Callable[[_Source, str], None]) -> None:
        self._clock = clock
        self._loop = loop
        self._emit = emit
        self._emitted_at = float("-inf")
        self._source: _Source | None = None
        self._parts: list[str] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, source: _Source, text: str) -> None:
        """More text of this source. Text of another one that waits is shown before."""
        if self._parts and source != self._source:
            self.flush()
        self._source = source
        self._parts.append(text)
        self._size += len(text)
        passed = self._clock.monotonic() - self._emitted_at
        if passed >= INTERVAL_S or self._size >= MAX_CHARACTERS:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(INTERVAL_S - passed, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        with suppress(NetraError):  # the log takes nothing now: the next event raises the same
            self.flush()

    def flush(self) -> None:
        """Show what waits. Raises as ``emit`` does; it waits on then."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._parts and self._source is not None:
            self._emit(self._source, "".join(self._parts))
            self._emitted_at = self._clock.monotonic()
            self._parts.clear()
            self._size = 0

    def close(self) -> None:
        """Show what waits, if that is possible, and nothing from then on."""
        with suppress(NetraError, ValueError):
            self.flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._parts.clear()
