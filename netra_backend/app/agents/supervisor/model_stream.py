"""Joins the parts of a streamed answer: at most one event per 50 ms or 4 KiB of a run."""

from __future__ import annotations

from typing import Final

from ...ports import Clock

INTERVAL_S: Final = 0.05
MAX_CHARACTERS: Final = 4096


class Coalescer:
    """``add`` gives what is to be sent now, which may be nothing; ``rest`` what is left at the end."""

    __slots__ = ("_clock", "_parts", "_sent_at", "_size")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._parts: list[str] = []
        self._size = 0
        self._sent_at = clock.monotonic()

    def add(self, text: str) -> str:
        self._parts.append(text)
        self._size += len(text)
        now = self._clock.monotonic()
        if self._size < MAX_CHARACTERS and now - self._sent_at < INTERVAL_S:
            return ""
        self._sent_at = now
        return self.rest()

    def rest(self) -> str:
        joined = "".join(self._parts)
        self._parts.clear()
        self._size = 0
        return joined
