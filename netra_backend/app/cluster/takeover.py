"""Looks for runs that nobody holds, and goes on with them where there is room."""

from __future__ import annotations

import logging
from typing import Final

from ..runs.service import RunService
from .peer_client import PeerClient
from .recurring import PeriodicTask

_LOG: Final = logging.getLogger("netra.fleet")
EVERY_S: Final = 5.0
_LEFT_TO_OTHERS: Final = 2
"""So many looks leave to others what this process has just given back."""


class Takeover:
    """Looks at the start, every few seconds, and at once when runs are offered. ``tick`` is called about every second."""

    def __init__(self, runs: RunService, peers: PeerClient) -> None:
        self._runs = runs
        self._peers = peers
        self._again = False
        self._left_to_others = 0
        self._polls = PeriodicTask(self._poll, EVERY_S, "could not look for runs without a process")

    @property
    def is_polling(self) -> bool:
        """Whether a look is under way."""
        return self._polls.is_going_on

    def tick(self, now: float) -> None:
        """Some time has passed (``now`` in seconds, monotonic)."""
        if self._polls.take_turn(now):
            self._left_to_others = max(0, self._left_to_others - 1)
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
            if not self._left_to_others:
                await self._runs.recovery.take_over()

    async def on_renewal(self, has_lapsed: bool) -> None:
        """The process's lease was renewed. If it had not run out, no time that the process stood still until now cost it."""
        if has_lapsed:
            await self.give_back()
        else:
            self._runs.frozen.answered()

    async def give_back(self) -> None:
        """The process's lease had run out. If that was because the process stood still, others go on with what nobody took
        meanwhile, if there are any. A lease that ran out because the database was away changes nothing."""
        if self._runs.frozen.answered() and self._peers.have_others:
            self._left_to_others = _LEFT_TO_OTHERS
            _LOG.warning("this process stood still beyond its lease", extra={"runs_given_back": len(self._runs)})
            await self._runs.give_back()

    async def close(self) -> None:
        """Look no more."""
        await self._polls.close()
