"""Goes on with the runs that other processes, or this one before its restart, left unfinished."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

from ..agents.supervisor.execution_engine import UserExecutionEngine
from ..core.errors import DependencyUnavailable
from ..core.events import AnyEvent, UserMessage, decode_event
from ..core.history import AppendRejection, RunRecord, StoredRun, ThreadHead
from ..core.identity import BASE_SCOPES
from ..core.journal import MOST_BEGINNINGS, Journal, parked_until
from ..core.superseded import superseded_in
from ..services.user_execution_context import UserExecutionContext
from .active_run import ActiveRun
from .frozen_runs import FrozenRuns
from .parts import RunParts
from .scheduler import RunScheduler

_LOG: Final = logging.getLogger("netra.runs")
_CANCEL_S: Final = 1.0  # how long a drain waits for runs that are being read


class RunRecovery:
    """Resumes runs from their journals. ``taken_over`` counts them."""

    def __init__(self, parts: RunParts, scheduler: RunScheduler, frozen: FrozenRuns) -> None:
        self._parts = parts
        self._frozen = frozen
        self._scheduler = scheduler
        self._observer = _Resumed(scheduler)
        self._resuming: dict[str, asyncio.Task[int]] = {}
        self._unread: dict[str, list[StoredRun]] = {}
        self.taken_over = 0

    @property
    def is_resuming(self) -> bool:
        """Whether runs that were left in some thread are not enqueued yet. Hardly ever, so that requests need not look."""
        return bool(self._resuming or self._unread)

    async def take_over(self) -> int:
        """Go on with runs that other processes left, if there is room; how many. Recorded steps are not performed again."""
        if not self._scheduler.room:
            return 0
        unread = [stored for left in self._unread.values() for stored in left]
        return await self.resume(unread) + await self.resume(await self._parts.log.take_over(self._scheduler.room))

    async def resume(self, left: Sequence[StoredRun]) -> int:
        """Go on with these, whose threads this process has just acquired; how many. Nothing else begins in the threads until
        then. It completes even if the caller is cancelled: if a thread were held with runs in it that are not enqueued, others
        would overtake them.
        """
        if not left:
            return 0
        threads = list(dict.fromkeys(stored.thread_id for stored in left))
        before = {self._resuming[thread_id] for thread_id in threads if thread_id in self._resuming}
        task = self._parts.loop.create_task(self._resume_all(left, before))
        self._resuming.update(dict.fromkeys(threads, task))
        for thread_id in threads:
            self._unread.pop(thread_id, None)
        task.add_done_callback(lambda _: self._are_resumed(threads, task))
        await asyncio.wait([task])
        return task.result()

    def _are_resumed(self, threads: Collection[str], task: asyncio.Task[int]) -> None:
        for thread_id in threads:
            if self._resuming.get(thread_id) is task:
                del self._resuming[thread_id]

    async def resumed(self, thread_id: str) -> None:
        """Wait until the runs that were left in this thread are enqueued. Raises ``DependencyUnavailable`` if they cannot be
        read now."""
        if thread_id not in self._resuming:
            await self.resume(self._unread.get(thread_id, ()))
        while (task := self._resuming.get(thread_id)) is not None:
            await asyncio.wait([task])
        if thread_id in self._unread:
            raise DependencyUnavailable(
                "The earlier runs of this thread cannot be read at the moment.", retry_after_ms=1000
            )

    async def _resume_all(self, left: Sequence[StoredRun], before: Collection[asyncio.Task[int]]) -> int:
        if before:
            await asyncio.wait(before)
        taken = 0
        for stored in left:
            taken += await self._resume_guarded(stored)
        self.taken_over += taken
        return taken

    async def _resume_guarded(self, stored: StoredRun) -> bool:
        if unread := self._unread.get(stored.thread_id):  # it does not go ahead of those
            unread.append(stored)
            return False
        try:
            return await self._resume(stored)
        except DependencyUnavailable:
            self._unread[stored.thread_id] = [stored]
        except Exception:  # one run that cannot be read keeps no other from going on
            _LOG.exception("a run could not be taken over", extra={"run_id": stored.run_id, "agent": stored.agent})
        return False

    async def _resume(self, stored: StoredRun) -> bool:
        scheduler = self._scheduler
        head = await self._parts.conversations.owned_thread(stored.owner, stored.thread_id)
        known = scheduler.get(stored.run_id)
        if known is not None:
            if known.run.head is head:
                return False
            scheduler.abandon(known)  # of a time when this process held the thread; another one held it since
        events = [decode_event(frame) for frame in await self._parts.log.run_frames(stored)]
        is_superseded = await self._is_superseded(stored, head)
        ours = head.fence and head.owner == stored.owner and self._parts.log.known(stored.thread_id) is head
        if scheduler.get(stored.run_id) is not None or not ours:
            return False  # it was resumed, or the thread was lost or deleted, while this was being read
        by = self._stopped_by(stored) or ("interrupt" if is_superseded else "")
        if not by and self._stays_parked(stored, head, parked_until(events)):
            return False
        scheduler.parked.remove(stored.run_id)
        context = UserExecutionContext(stored.owner, stored.thread_id, stored.run_id, stored.request_id)
        first = events[0]
        assert isinstance(first, UserMessage)
        record = partial(self._go_on, stored, head, events)
        active = scheduler.enqueue(context, BASE_SCOPES, record, self._parts.plan_of(first.plan))
        quota = self._parts.quotas.of(stored.owner, self._parts.services.clock.monotonic())
        if by:
            quota.queued += 1
            scheduler.stop(active, by)
        elif scheduler.of_thread(head)[0] is active:
            quota.runs += 1
            scheduler.start(active)
        else:
            quota.queued += 1
        return True

    def _stopped_by(self, stored: StoredRun) -> str:
        """Who stopped it while it was parked; also the operator who revoked its user's sign-ins since, while no process held the
        run that would have stopped it. ``""``: it goes on."""
        parked = self._scheduler.parked.get(stored.run_id)
        if parked is not None and parked.stopped_by:
            return parked.stopped_by
        return "operator" if stored.created_ms <= self._parts.revoked_ms(stored.owner) else ""

    async def _is_superseded(self, stored: StoredRun, head: ThreadHead) -> bool:
        """Whether a later message stands in its place: the process that was to stop it may have ended before it did."""
        async for page in self._parts.log.pages(head, stored.seq, head.durable):
            for frame in page:
                superseded = superseded_in(frame)
                if superseded is not None and superseded.has(stored.seq):
                    return True
        return False

    def _stays_parked(self, stored: StoredRun, head: ThreadHead, wake_ms: int) -> bool:
        """Whether its time has not come yet, and there is room to wait for it."""
        runs = self._scheduler.parked
        parked = runs.get(stored.run_id)
        if parked is not None and parked.run.head is not head:  # of a time when this process held the thread before
            runs.remove(stored.run_id)
            parked = None
        if wake_ms <= self._parts.services.clock.now_ms():
            return False
        if parked is None:
            if not runs.has_room(stored.owner):
                return False
            runs.add(stored.owner, self._record(stored, head), wake_ms)
        return True

    def _go_on(
        self, stored: StoredRun, head: ThreadHead, events: Sequence[AnyEvent], engine: UserExecutionEngine
    ) -> ActiveRun:
        """The run as its journal says, for this engine to go on with."""
        first = events[0]
        assert isinstance(first, UserMessage)
        run = self._record(stored, head)
        engine.emitter.bind(run)
        journal = Journal(stored.run_id, events)
        run.started = journal.started
        if journal.beginnings > 1 and stored.run_id in self._frozen:
            journal.beginnings = MOST_BEGINNINGS  # it held up this process, and did not get further in the next one
        return ActiveRun(stored.owner, run, engine, first.text, journal, first.parts)

    def _record(self, stored: StoredRun, head: ThreadHead) -> RunRecord:
        run = RunRecord(
            head,
            stored.run_id,
            stored.request_id,
            stored.agent,
            None,
            stored.timezone,
            stored.created_ms,
            self._observer,
        )
        run.seq, run.stored = stored.seq, True
        return run

    async def drain(self) -> None:
        """Resume nothing more; whoever takes over next finds what is not enqueued."""
        if resuming := list(dict.fromkeys(self._resuming.values())):
            await asyncio.wait(resuming, timeout=_CANCEL_S)
            for each in resuming:
                each.cancel()


class _Resumed:
    """``core.history.RunObserver`` of runs whose requests were committed long ago."""

    def __init__(self, scheduler: RunScheduler) -> None:
        self._scheduler = scheduler

    def committed(self, run: RunRecord) -> None:
        """Its first event is not committed again."""

    def rejected(self, run: RunRecord, _: AppendRejection) -> None:
        self._scheduler.on_lease_lost(run)
