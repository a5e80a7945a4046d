"""What the inside asks of the outside: one Protocol for each job that an adapter does."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""


class Entropy(Protocol):
    """Unpredictable bytes."""

    def take(self, count: int) -> bytes:
        """``count`` bytes of a cryptographic source."""
