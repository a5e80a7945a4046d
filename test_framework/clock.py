"""Time and chance in the hands of a test: adapters of ``ports.Clock`` and ``ports.Entropy`` that do as they are told."""

from __future__ import annotations

import random
from typing import Final

START_MS: Final = 1_800_000_000_000


class ManualClock:
    """A clock that stands still until ``advance`` is called."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self._start_ms = self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return (self._now_ms - self._start_ms) / 1000

    def advance(self, *, s: float = 0.0, ms: int = 0) -> None:
        """Let time pass."""
        self._now_ms += round(s * 1000) + ms


class SeededEntropy:
    """Bytes that a seed repeats; never the same twice."""

    def __init__(self, seed: str | int = 0) -> None:
        self._random = random.Random(seed)

    def take(self, count: int) -> bytes:
        return self._random.randbytes(count)
