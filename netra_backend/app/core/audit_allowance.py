"""How many refusals are written down one by one: beyond that they are counted, and the count is written.

So nobody fills the disk by being refused, and nobody pushes out what others did: rows leave the trail by age alone. Each user
has an allowance an hour, each address of the anonymous has one, and all of the anonymous together have one that takes nothing
from users.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .limits import USUAL, Limits

HOUR_MS: Final = 3_600_000


class Allowance:
    """What is left of this hour. Bounded in memory: where too many are watched, the rest share one allowance."""

    def __init__(self, limits: Limits = USUAL) -> None:
        self._limits = limits
        self._hour = 0
        self._taken: dict[tuple[str | None, str], int] = {}
        self._anonymous = 0
        self._suppressed: dict[tuple[str | None, str], int] = {}

    def take(self, owner: str | None, site: str) -> bool:
        """Whether a refusal of this user (``None``: of the anonymous at ``site``) is to be written down in this hour."""
        key = (owner, "" if owner is not None else site)
        if key not in self._taken and len(self._taken) >= self._limits.audit_watched:
            key = (None, "")
        most = self._limits.audit_user_rows if owner is not None else self._limits.audit_address_rows
        taken = self._taken.get(key, 0)
        if taken >= most:
            self._suppress(key)
            return False
        if owner is None:
            if self._anonymous >= self._limits.audit_anonymous_rows:
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
