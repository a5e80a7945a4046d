"""Looks for runs that nobody holds, and goes on with them where there is room."""

from __future__ import annotations

from typing import Final

from ..runs.service import RunService
from .peer_client import PeerClient
from .recurring import PeriodicTask

EVERY_S: Final = 5.0


class Takeover:
    """Looks at the start, every few seconds, and at once when runs are offered. ``tick`` is called about every second."""

    def __init__(self, turns: RunService, peers: PeerClient) -> None:
        self._turns = turns
        self._peers = peers
        self._again = False
        self._looks = PeriodicTask(self._look, EVERY_S, "no look for runs that nobody holds")

    @property
    def is_looking(self) -> bool:
        """Whether a look is under way."""
        return self._looks.is_going_on

    def tick(self, now: float) -> None:
        """Some time has passed (``now`` in seconds, monotonic)."""
        if self._looks.take_turn(now):
            self.work()

    def work(self) -> None:
        """There are runs that nobody holds."""
        self._again = True
        if not self._looks.is_going_on:
            self._looks.begin()

    async def _look(self) -> None:
        while self._again:
            self._again = False
            await self._peers.poll()
            await self._turns.take_over()

    async def close(self) -> None:
        """Look no more."""
        await self._looks.close()
