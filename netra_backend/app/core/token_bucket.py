"""A rate with a burst. Time is given, never read."""

from __future__ import annotations


class TokenBucket:
    """``burst`` at once, ``rate`` a second after that. ``now`` is in seconds and never goes back."""

    __slots__ = ("_burst", "_left", "_rate", "_seen")

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._left = float(burst)
        self._seen = now

    def take(self, now: float) -> bool:
        """Take one; whether there was one."""
        left = self._left + (now - self._seen) * self._rate
        if left > self._burst:
            left = self._burst
        self._seen = now
        if left < 1.0:
            self._left = left
            return False
        self._left = left - 1.0
        return True

    def take_many(self, count: int, now: float) -> bool:
        """Take so many; whether there were so many. What is not there is not taken."""
        left = min(self._burst, self._left + (now - self._seen) * self._rate)
        self._seen = now
        self._left = left - count if left >= count else left
        return left >= count

    def borrow(self, count: int, now: float, most_s: float) -> float | None:
        """Take so many, also if they will be there only later: after how many seconds. ``None`` if that is more than ``most_s``;
        then none is taken."""
        left = min(self._burst, self._left + (now - self._seen) * self._rate)
        wait_s = max(0.0, (count - left) / self._rate)
        self._seen = now
        self._left = left - count if wait_s <= most_s else left
        return wait_s if wait_s <= most_s else None

    def give_back(self) -> None:
        """Undo one ``take``."""
        self._left = min(self._burst, self._left + 1.0)

    def change(self, rate: float, burst: int, now: float) -> None:
        """Another rate and burst from now on. There is no more at once than there was: to change to and fro gains nothing."""
        left = min(self._burst, self._left + (now - self._seen) * self._rate)
        self._rate, self._burst, self._seen = rate, float(burst), now
        self._left = min(left, self._burst)

    def is_full(self, now: float) -> bool:
        """Whether ``burst`` may be taken at once, as from a new one."""
        return self._left + (now - self._seen) * self._rate >= self._burst

    def wait_ms(self) -> int:
        """How long until one may be taken, in whole milliseconds, at least 1 when there is none."""
        return 0 if self._left >= 1.0 else max(1, round((1.0 - self._left) / self._rate * 1000))
