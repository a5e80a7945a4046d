"""Looks for runs that nobody holds, and goes on with them where there is room."""

from __future__ import annotations

from typing import Final

from ..runs.recovery import RunRecovery
from .peer_client import PeerClient
from .recurring import PeriodicTask

EVERY_S: Final = 5.0


class Takeover:
    """Looks at the start, every few seconds, and at once when runs are offered. ``tick`` is called about every second."""

    def __init__(self, recovery: RunRecovery, peers: PeerClient) -> None:
        self._recovery = recovery
        self._peers = peers
        self._again = False
        self._polls = PeriodicTask(self._poll, EVERY_S, "could not look for runs without a process")

    @property
    def is_polling(self) -> bool:
        """Whether a look is under way."""
        return self._polls.is_going_on

    def tick(self, now: float) -> None:
        """Some time has passed (``now`` in seconds, monotonic)."""
        if self._polls.take_turn(now):
            self.work()

    def work(self) -> None:
        """There are runs that nobody holds."""
        self._again = True
        if not self._polls.is_going_on:
            self._polls.begin()

    async def _poll(self) -> None:
        while self._again:
            self._again = False
            await self._peers.poll()
            await self._recovery.take_over()

    async def close(self) -> None:
        """Look no more."""
        await self._polls.close()
