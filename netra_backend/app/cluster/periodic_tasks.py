"""What one process among others does from time to time: look for runs that nobody holds, and read again what it may not have
heard of."""

from __future__ import annotations

from typing import Final

from ..services.revocations import Revocations
from .recurring import PeriodicTask
from .takeover import Takeover

RELOAD_S: Final = 20.0
"""A revocation that was told to all and not heard here is known so much later, well within the promised half a minute."""


class PeriodicTasks:
    """``tick`` is called about every second; it never waits."""

    def __init__(self, takeover: Takeover, revocations: Revocations) -> None:
        self._takeover = takeover
        self._reading = PeriodicTask(revocations.load, RELOAD_S, "revocations could not be read")

    def tick(self, now: float) -> None:
        """Some time has passed (``now`` in seconds, monotonic)."""
        self._takeover.tick(now)
        if not self._reading.is_going_on and self._reading.take_turn(now):
            self._reading.begin()

    async def close(self) -> None:
        """Do nothing more."""
        await self._takeover.close()
        await self._reading.close()
