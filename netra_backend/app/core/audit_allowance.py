"""How many refusals are written down one by one: beyond that they are counted, and the count is written.

So nobody fills the disk by being refused, and nobody pushes out what others did: rows leave the trail by age alone. Each user
has an allowance an hour, each address of the anonymous has one, and all of the anonymous together have one that takes nothing
from users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HOUR_MS: Final = 3_600_000
_WATCHED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Refusals an hour that are written down, each in a row of its own."""

    user: int = 600
    address: int = 60
    """Of the anonymous, from one address (in IPv6: one customer's network)."""
    anonymous: int = 600
    """Of the anonymous, in all."""


class Allowance:
    """What is left of this hour. Bounded in memory: where too many are watched, the rest share one allowance."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._hour = 0
        self._taken: dict[tuple[str | None, str], int] = {}
        self._anonymous = 0
        self._suppressed: dict[tuple[str | None, str], int] = {}

    def take(self, owner: str | None, site: str) -> bool:
        """Whether a refusal of this user (``None``: of the anonymous at ``site``) is to be written down in this hour."""
        key = (owner, "" if owner is not None else site)
        if key not in self._taken and len(self._taken) >= _WATCHED:
            key = (None, "")
        most = self._bounds.user if owner is not None else self._bounds.address
        taken = self._taken.get(key, 0)
        if taken >= most:
            self._suppress(key)
            return False
        if owner is None:
            if self._anonymous >= self._bounds.anonymous:
                self._suppress((None, ""))
                return False
            self._anonymous += 1
        self._taken[key] = taken + 1
        return True

    def _suppress(self, key: tuple[str | None, str]) -> None:
        self._suppressed[key] = self._suppressed.get(key, 0) + 1

    def ended(self, now_ms: int) -> Sequence[tuple[str | None, str, int]]:
        """What was only counted in the hour that has ended, if one has: owner, address and how many. To be asked before
        ``take``."""
        hour = now_ms // HOUR_MS
        if hour == self._hour:
            return ()
        self._hour = hour
        return self.close()

    def close(self) -> Sequence[tuple[str | None, str, int]]:
        """What was only counted until now; begin anew."""
        counted = [(owner, site, count) for (owner, site), count in self._suppressed.items()]
        self._taken.clear()
        self._suppressed.clear()
        self._anonymous = 0
        return counted
