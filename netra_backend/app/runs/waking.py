"""Goes on with parked runs when their time comes, and ends those that are stopped before."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from ..core.errors import DependencyUnavailable
from .parking import ParkedRun
from .parts import RunParts
from .recovery import RunRecovery
from .scheduler import RunScheduler

_LOG: Final = logging.getLogger("netra.runs")
_AT_ONCE: Final = 100
"""So many go on in one tick, so that a thousand with the same time take nothing that users would notice."""
_LOOKED_AT: Final = 2_000
"""No more are looked at in one tick."""
_AGAIN_MS: Final = 1000
"""How soon a run that could not be read is read again."""


@dataclass(slots=True)
class _Room:
    """How many runs a user may have at a time, how many more may go on now, and how many of this tick wait."""

    most: int
    left: int
    put_off: int = 0


class RunWaking:
    """Both ways lead through the recovery: a run is read and resumed as after a restart."""

    def __init__(self, parts: RunParts, scheduler: RunScheduler, recovery: RunRecovery) -> None:
        self._parts = parts
        self._scheduler = scheduler
        self._recovery = recovery
        self._tasks: dict[asyncio.Task[None], str] = {}
        """What is under way, and of whom."""
        self._going: dict[str, asyncio.Task[None]] = {}

    def tick(self) -> None:
        """Go on with those whose time has come, as far as the process and their users have room. Those of a user without room
        wait a second, and for each further so many as the user may have at a time a second more: they are not in the way of
        others at the next tick."""
        room, runs, clock = self._scheduler.room, self._scheduler.parked, self._parts.services.clock
        if not room or not len(runs):
            return
        now_ms, left, rooms = clock.now_ms(), min(room, _AT_ONCE), dict[str, _Room]()
        going = Counter(self._tasks.values())
        for _ in range(_LOOKED_AT):
            if not left or not (due := runs.due(now_ms, 1)):
                return
            (parked,) = due
            owned = rooms.get(parked.owner)
            if owned is None:
                owned = rooms[parked.owner] = self._room_of(parked.owner, going[parked.owner])
            if owned.left > 0 or parked.stopped_by:
                owned.left -= 1
                left -= 1
                self._begin(parked)
            else:
                runs.put_off(parked, now_ms + _AGAIN_MS * (1 + owned.put_off // owned.most))
                owned.put_off += 1

    def _room_of(self, owner: str, going: int) -> _Room:
        quotas = self._parts.quotas
        quota = quotas.of(owner, self._parts.services.clock.monotonic())
        most = quota.limits.runs
        quotas.release(owner)
        return _Room(most, most - quota.runs - going)

    def stop(self, runs: Sequence[ParkedRun], by: str) -> list[asyncio.Task[None]]:
        """End these as cancelled: soon, or once the returned tasks have ended. A task raises ``DependencyUnavailable`` if its run
        cannot be read now; it ends later then."""
        for parked in runs:
            parked.stopped_by = parked.stopped_by or by
        return [self._begin(parked) for parked in runs]

    async def stopped(self, runs: Sequence[ParkedRun], by: str) -> None:
        """As ``stop``; they have ended on return. Raises ``DependencyUnavailable``."""
        await asyncio.gather(*self.stop(runs, by))

    def _begin(self, parked: ParkedRun) -> asyncio.Task[None]:
        run_id = parked.run.run_id
        task = self._going.get(run_id)
        if task is None:  # two at once could go on with what the other has ended
            task = self._going[run_id] = self._parts.loop.create_task(self._go_on(parked))
            self._tasks[task] = parked.owner
            task.add_done_callback(partial(self._ended, run_id))
        return task

    def _ended(self, run_id: str, task: asyncio.Task[None]) -> None:
        del self._tasks[task], self._going[run_id]
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not isinstance(fault, DependencyUnavailable):
            _LOG.error("a parked run could not go on", exc_info=fault)

    async def _go_on(self, parked: ParkedRun) -> None:
        run_id, thread_id = parked.run.run_id, parked.run.head.thread_id
        try:
            await self._recovery.resumed(thread_id)  # what could not be read before goes first
            await self._parts.log.durable(parked.run)  # else it may not be there to be read
            stored = await self._parts.log.run(run_id)
            if stored is not None and not stored.ended_seq:
                await self._recovery.resume([stored])
                await self._recovery.resumed(thread_id)
            else:
                self._scheduler.parked.remove(run_id)
        finally:
            self._scheduler.parked.put_off(parked, self._parts.services.clock.now_ms() + _AGAIN_MS)

    async def close(self) -> None:
        """Go on with nothing more."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
