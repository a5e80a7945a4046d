"""The runs of this process: each goes on when its thread is free, ends exactly once, or is left for another process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Final

from ..agents.interface import PastMessage
from ..agents.supervisor.past_messages import past_messages
from ..agents.tools.unified_tool_dispatcher_factory import BASE_SCOPES
from ..core.errors import DependencyUnavailable
from ..core.events import AgentCancelled, UserMessage, decode_event
from ..core.history import RunRecord, ThreadHead
from ..core.journal import Journal
from ..ports import StoredRun
from ..services.user_execution_context import UserExecutionContext
from .active_run import ActiveRun
from .parts import RunParts

_LOG: Final = logging.getLogger("netra.turn")
_CANCEL_S: Final = 1.0  # how long a run that is left to its journal may take to let go
_AGAIN_S: Final = 0.25  # how soon a thread that could not be read is read again
LOST: Final = "another process"
"""What an abandoned run was stopped by; nobody is told."""


class Runs:
    """Those that were accepted or taken over here and have not ended: ``active``, by their ids."""

    def __init__(self, parts: RunParts) -> None:
        self._parts = parts
        self.active: dict[str, ActiveRun] = {}
        self._abandoned: dict[ActiveRun, None] = {}  # in their order: that of a set would be another in each process
        self._resuming: dict[str, asyncio.Task[int]] = {}
        self._unread: dict[str, list[StoredRun]] = {}
        self.draining = False
        self.started = 0
        self.taken_over = 0

    def __len__(self) -> int:
        return len(self.active)

    def get(self, run_id: str) -> ActiveRun | None:
        """The run of that id."""
        return self.active.get(run_id)

    def of_user(self, owner: str) -> list[ActiveRun]:
        """The runs of one user."""
        return [active for active in self.active.values() if active.owner == owner]

    def of_thread(self, head: ThreadHead) -> list[ActiveRun]:
        """The runs of one thread, in their order."""
        return [self.active[run.run_id] for run in head.lines]

    def all(self) -> list[ActiveRun]:
        """All of them."""
        return list(self.active.values())

    @property
    def room(self) -> int:
        """How many more there may be."""
        return 0 if self.draining else max(0, self._parts.limits.process_runs - len(self.active))

    # --- going on ---------------------------------------------------------------------------------------------------

    def line_up(self, active: ActiveRun) -> ActiveRun:
        """Put it behind the others of its thread."""
        active.run.head.lines.append(active.run)
        self.active[active.run.run_id] = active
        return active

    def go(self, active: ActiveRun) -> None:
        """Begin it: it is the first of its thread."""
        active.began = self._parts.services.clock.monotonic()
        active.task = self._parts.loop.create_task(self._perform(active))
        self.started += 1

    async def _perform(self, active: ActiveRun) -> None:
        run = active.run
        active.begun = True
        try:
            if active.engine.cancelled_by is not None:
                raise asyncio.CancelledError
            agent = self._parts.registry.make(run.agent)
            wanted = getattr(agent, "history_messages", 0)
            history = await self._history(run, wanted) if wanted and run.seq > 1 else ()
            await active.engine.execute(
                agent, run, self._parts.services, message=active.message, journal=active.journal, history=history
            )
        except (asyncio.CancelledError, Exception) as fault:
            self._fail(active, fault)
        finally:
            self._over(active)

    async def _history(self, run: RunRecord, wanted: int) -> Sequence[PastMessage]:
        """What was said before. A run that was accepted waits for a log that is away, as those do that are under way."""
        while True:
            try:
                return await past_messages(self._parts.log, run, wanted)
            except DependencyUnavailable:
                if self._parts.log.failed or not run.head.fence:
                    raise
            await asyncio.sleep(_AGAIN_S)

    def _fail(self, active: ActiveRun, fault: BaseException) -> None:
        """End a run that its engine did not: it was stopped before, the agent could not be made, or the thread not be read."""
        engine = active.engine
        if active in self._abandoned:
            return
        try:
            if isinstance(fault, Exception):
                engine.fail(fault, active.run, self._parts.services)
            elif engine.cancelled_by is not None and not active.run.ended:
                engine.emitter.emit(AgentCancelled, by=engine.cancelled_by)
        except Exception:  # the log takes nothing more: the run goes on from its journal in the next process
            _LOG.exception("a run could not be ended", extra={"run_id": active.run.run_id})

    def _over(self, active: ActiveRun) -> None:
        """The run is no longer of this process: it ended, or it will be taken over from its journal."""
        if active in self._abandoned:
            del self._abandoned[active]
            return
        head, waited = active.run.head, active.task is None
        self._remove(active)
        if not waited and head.lines and not self.draining:
            following = self.active[head.lines[0].run_id]
            quota = self._parts.quotas.of(active.owner, self._parts.services.clock.monotonic())
            quota.drop_queued()
            quota.runs += 1
            self.go(following)
        self._parts.quotas.release(active.owner)

    def _remove(self, active: ActiveRun) -> None:
        quota = self._parts.quotas.of(active.owner, self._parts.services.clock.monotonic())
        active.engine.close()
        del self.active[active.run.run_id]
        active.run.head.lines.remove(active.run)
        if active.task is None:
            quota.drop_queued()
        else:
            quota.drop_run()

    # --- stopping ---------------------------------------------------------------------------------------------------

    def stop(self, active: ActiveRun, by: str) -> None:
        """End it as cancelled."""
        if active.engine.cancelled_by is not None or active.run.ended:
            return
        active.engine.cancelled_by = by
        if active.task is None:
            active.engine.emitter.emit(AgentCancelled, by=by)
            self._over(active)
        else:
            self._cancel(active)

    def _cancel(self, active: ActiveRun) -> None:
        if active.begun and active.task is not None:  # a task that is cancelled before its first step never takes one
            active.task.cancel()

    def abandon(self, active: ActiveRun) -> None:
        """Another process goes on with it, or will: nothing more of it is recorded, told or called from this step on."""
        active.run.ended = True
        active.engine.cancelled_by = LOST
        self._parts.services.approvals.forget(active.run.run_id)
        if active.task is not None:
            self._abandoned[active] = None
            self._cancel(active)
        self._remove(active)
        self._parts.quotas.release(active.owner)

    def stop_user(self, owner: str, by: str) -> None:
        """Stop all runs of one user."""
        for active in self.of_user(owner):
            self.stop(active, by)

    async def end_user(self, owner: str, by: str) -> None:
        """Stop all runs of one user, and wait until they have ended."""
        while runs := self.of_user(owner):  # others may begin while these are waited for
            self.stop_user(owner, by)
            await _ended(runs)

    async def end_thread(self, head: ThreadHead, by: str) -> None:
        """Stop all runs of one thread, and wait until they have ended. In the step that this returns in there is none."""
        while head.lines:  # others may begin while these are waited for
            runs = self.of_thread(head)
            for active in runs:
                self.stop(active, by)
            await _ended(runs)

    def tick(self, now: float) -> None:
        """Stop runs that take too long; what a run waits for its user's word does not count. Cancel again what was stopped
        and still goes on."""
        waiting = self._parts.services.approvals.waiting_runs()
        for active in [each for each in (*self.active.values(), *self._abandoned) if each.task is not None]:
            if active.engine.cancelled_by is not None:
                self._cancel(active)
            elif active.run.run_id in waiting:
                active.began = now
            elif now - active.began >= self._parts.limits.run_s:
                self.stop(active, "timeout")

    async def drain(self, patience_s: float) -> None:
        """Start nothing more, give runs this long to end, and leave the others to their journals; at once those that wait for
        their turn or their user's word. Their threads are nobody's on return."""
        self.draining = True
        if resuming := list(dict.fromkeys(self._resuming.values())):
            await asyncio.wait(resuming, timeout=_CANCEL_S)
            for each in resuming:
                each.cancel()  # what it has not lined up, whoever looks next finds
        waiting = self._parts.services.approvals.waiting_runs()
        going = [active.task for active in self.active.values() if active.task and active.run.run_id not in waiting]
        if going and patience_s > 0:
            await asyncio.wait(going, timeout=patience_s)
        left = list(self.active.values())
        tasks = [active.task for active in left if active.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_S)
        for active in left:
            active.engine.close()
        await self._release(list(dict.fromkeys(active.run.head for active in left)))

    async def leave(self, head: ThreadHead) -> None:
        """Leave all runs of a thread to whoever takes it over."""
        for active in self.of_thread(head):
            self.abandon(active)
        await self._release([head])

    async def _release(self, heads: Sequence[ThreadHead]) -> None:
        try:
            await self._parts.log.release(heads)
        except DependencyUnavailable:  # whoever has the store again finds them: they are known to nobody
            _LOG.warning("threads could not be let go of", extra={"threads": len(heads)})

    # --- takeover ---------------------------------------------------------------------------------------------------

    async def take_over(self) -> int:
        """Go on with runs that other processes left; how many. Recorded effects are not performed again."""
        if not self.room:
            return 0
        unread = [stored for left in self._unread.values() for stored in left]
        return await self.resume(unread) + await self.resume(await self._parts.log.take_over(self.room))

    async def resume(self, left: Sequence[StoredRun]) -> int:
        """Go on with these, whose threads this process has just taken hold of; how many. Nothing else begins in them until then,
        and it is done to its end also where whoever asked for it is cancelled: a thread that is held with runs in it that are
        not lined up would let others overtake them.
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
        """Wait until the runs that were left in this thread are lined up. Raises ``DependencyUnavailable`` where they cannot be
        read now."""
        if thread_id not in self._resuming:
            await self.resume(self._unread.get(thread_id, ()))
        while (task := self._resuming.get(thread_id)) is not None:
            await asyncio.wait([task])
        if thread_id in self._unread:
            raise DependencyUnavailable("The runs before this one cannot be read now.", retry_after_ms=1000)

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
            _LOG.exception("a run cannot be taken over", extra={"run_id": stored.run_id, "agent": stored.agent})
        return False

    async def _resume(self, stored: StoredRun) -> bool:
        head = await self._parts.conversations.owned_thread(stored.owner, stored.thread_id)
        known = self.active.get(stored.run_id)
        if known is not None:
            if known.run.head is head:
                return False
            self.abandon(known)  # of a time when this process held the thread; another one held it since
        events = [decode_event(frame) for frame in await self._parts.log.run_frames(stored)]
        first = events[0]
        assert isinstance(first, UserMessage)
        run = RunRecord(head, stored.run_id, stored.request_id, stored.agent, None, stored.timezone, stored.created_ms)
        run.seq = stored.seq
        run.stored = True
        context = UserExecutionContext(stored.owner, stored.thread_id, stored.run_id, stored.request_id)
        engine = await self._parts.engines.create_for_user(context, scopes=BASE_SCOPES)
        known = self.active.get(stored.run_id)
        ours = head.fence and head.owner == stored.owner and self._parts.log.known(stored.thread_id) is head
        if known is not None or not ours:
            engine.close()  # it was resumed, or the thread was lost or deleted, while this was being read
            return False
        engine.emitter.bind(run)
        active = self.line_up(ActiveRun(stored.owner, run, engine, first.text, Journal(events)))
        run.refused = lambda _: self.lose(run)
        quota = self._parts.quotas.of(stored.owner, self._parts.services.clock.monotonic())
        if len(head.lines) == 1:
            quota.runs += 1
            self.go(active)
        else:
            quota.queued += 1
        return True

    def lose(self, run: RunRecord) -> None:
        """The store takes nothing more of this run, and of its thread, from here: another process holds it. What was stored goes
        on there, also of a run that has ended here; what was not is told by its own refusal."""
        self._parts.services.approvals.forget(run.run_id)
        for active in self.of_thread(run.head):
            if active.run.seq <= run.head.durable:
                self.abandon(active)


async def _ended(runs: Sequence[ActiveRun]) -> None:
    """Wait until those that were begun have ended, one way or another."""
    await asyncio.gather(*(active.task for active in runs if active.task is not None), return_exceptions=True)
