"""The runs of this process: each goes on when its thread is free, ends exactly once, or is left for another process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Final

from ..agents.interface import PastMessage
from ..agents.supervisor import branches
from ..agents.supervisor.execution_engine import UserExecutionEngine
from ..agents.supervisor.past_messages import past_messages, thread_messages
from ..agents.supervisor.stack_owner import run_on
from ..core.coroutines import hand_over
from ..core.errors import DependencyUnavailable, NetraError
from ..core.events import AgentCancelled
from ..core.history import RunRecord, ThreadHead
from ..core.plans import Plan
from ..services.user_execution_context import UserExecutionContext
from .active_run import ActiveRun
from .parking import ParkedRuns
from .parts import RunParts

_LOG: Final = logging.getLogger("netra.runs")
_CANCEL_S: Final = 1.0  # how long a run that is left to its journal may take to let go
_AGAIN_S: Final = 0.25  # how soon a thread that could not be read is read again
LOST: Final = "another process"
"""What an abandoned run was stopped by; nobody is told."""


class RunScheduler:
    """The runs that were accepted or taken over here and have not ended: ``active``, by their ids. Those of one thread are
    performed one after the other."""

    def __init__(self, parts: RunParts) -> None:
        self._parts = parts
        self.active: dict[str, ActiveRun] = {}
        self._queues: dict[ThreadHead, list[ActiveRun]] = {}
        self._abandoned: dict[ActiveRun, None] = {}  # in their order: that of a set would be another in each process
        self.parked = ParkedRuns(parts.limits)
        self.draining = False
        self.started = 0
        self.crashed = 0
        """Runs that were given up: they ended or held up their process each time that they were begun."""

    def __len__(self) -> int:
        return len(self.active)

    def get(self, run_id: str) -> ActiveRun | None:
        """The run of that id."""
        return self.active.get(run_id)

    def on_stack(self, frame: FrameType) -> dict[str, str]:
        """The run whose code is on this stack, and its agent, in words for the log; empty if there is none. For any thread."""
        run_id = run_on(frame)
        active = self.active.get(run_id)
        return {"run_id": run_id, "agent": active.run.agent} if active is not None else {}

    def of_user(self, owner: str) -> list[ActiveRun]:
        """The runs of one user."""
        return [active for active in self.active.values() if active.owner == owner]

    def of_thread(self, head: ThreadHead) -> list[ActiveRun]:
        """The runs of one thread, in their order."""
        return list(self._queues.get(head, ()))

    def all(self) -> list[ActiveRun]:
        """All of them."""
        return list(self.active.values())

    @property
    def is_full(self) -> bool:
        """Whether there may be no other."""
        return self.draining or len(self.active) >= self._parts.limits.process_runs

    @property
    def room(self) -> int:
        """How many more there may be."""
        return 0 if self.draining else max(0, self._parts.limits.process_runs - len(self.active))

    # --- going on ---------------------------------------------------------------------------------------------------

    def enqueue(
        self,
        context: UserExecutionContext,
        scopes: frozenset[str],
        record: Callable[[UserExecutionEngine], ActiveRun],
        plan: Plan | None = None,
    ) -> ActiveRun:
        """Open an engine with what the user's ``plan`` has, have ``record`` make its run, and put the run behind the others of
        its thread.

        All in this loop iteration. Raises what opening or recording raises; then there is no engine and no run.
        """
        lifetime = self._live(context, scopes, record, plan)
        active = lifetime.send(None)
        assert isinstance(active, ActiveRun), "opening an engine waits for nothing"
        active.lifetime = lifetime
        return active

    async def _live(
        self,
        context: UserExecutionContext,
        scopes: frozenset[str],
        record: Callable[[UserExecutionEngine], ActiveRun],
        plan: Plan | None,
    ) -> None:
        """One run, from its request to its end: its engine is open exactly as long."""
        engine = await self._parts.engines.create_for_user(context, scopes=scopes, plan=plan)
        try:
            active = record(engine)
            self._put(active)
            try:
                await hand_over(active)  # ``start`` makes a task of the rest once the run is the first of its thread
                await self._perform(active)
            except (asyncio.CancelledError, Exception, SystemExit, KeyboardInterrupt) as fault:
                self._fail(active, fault)
            finally:
                self._over(active)
        finally:
            engine.close()

    def _put(self, active: ActiveRun) -> None:
        run = active.run
        run.head.pin(run)
        queue = self._queues.get(run.head)
        if queue is None:
            self._queues[run.head] = [active]
        else:
            queue.append(active)
        self.active[run.run_id] = active

    def start(self, active: ActiveRun) -> None:
        """Perform it: it is the first of its thread."""
        assert active.lifetime is not None
        active.began = self._parts.services.clock.monotonic()
        branches.install(self._parts.loop)
        active.task = self._parts.loop.create_task(active.lifetime, context=branches.outside())
        self.started += 1

    async def _perform(self, active: ActiveRun) -> None:
        run = active.run
        agent = self._parts.registry.make(run.agent, active.engine.plan)
        count = getattr(agent, "history_messages", 0)
        history = await self._history(run, count) if count and run.seq > 1 else ()
        await active.engine.execute(
            agent,
            run,
            self._parts.services,
            message=active.message,
            parts=active.parts,
            journal=active.journal,
            history=history,
            messages=partial(thread_messages, self._parts.log, run),
        )

    async def _history(self, run: RunRecord, count: int) -> Sequence[PastMessage]:
        """What was said before. An accepted run waits for a log that is away, as runs do that are under way."""
        while True:
            try:
                return await past_messages(self._parts.log, run, count)
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
            if not isinstance(fault, asyncio.CancelledError):
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
        self._leave(active)

    def _leave(self, active: ActiveRun) -> None:
        """Make room, and begin the next run of its thread."""
        self.crashed += active.engine.failed_as == "agent_crashed"
        self._remove(active)
        queue = self._queues.get(active.run.head)
        if queue and active.task is not None and not self.draining:
            quota = self._parts.quotas.of(active.owner, self._parts.services.clock.monotonic())
            quota.drop_queued()
            quota.runs += 1
            self.start(queue[0])
        self._parts.quotas.release(active.owner)

    def _remove(self, active: ActiveRun) -> None:
        run, quota = active.run, self._parts.quotas.of(active.owner, self._parts.services.clock.monotonic())
        del self.active[run.run_id]
        self._parts.services.questions.close(run.run_id)
        queue = self._queues[run.head]
        queue.remove(active)
        if not queue:
            del self._queues[run.head]
        run.head.unpin(run)
        if active.task is None:
            quota.drop_queued()
        else:
            quota.drop_run()
        if active.gone is not None:
            active.gone.set()

    # --- stopping ---------------------------------------------------------------------------------------------------

    def stop(self, active: ActiveRun, by: str) -> None:
        """End it as cancelled. Raises ``DependencyUnavailable`` if it has not begun and the log takes nothing; it stays then."""
        if active.engine.cancelled_by is not None or active.run.ended:
            return
        if active.task is None:
            active.engine.emitter.emit(AgentCancelled, by=by)
        active.engine.cancelled_by = by
        active.stopped = self._parts.services.clock.monotonic()
        _break_off(active)

    def abandon(self, active: ActiveRun) -> None:
        """Another process goes on with it, or will: nothing more of it is recorded, sent or called from this step on."""
        active.run.ended = True
        active.engine.cancelled_by = LOST
        active.engine.close()  # its scope ends later, if its task is under way
        self._parts.services.questions.forget(active.run.run_id)
        self._abandoned[active] = None
        self._remove(active)
        _break_off(active)
        self._parts.quotas.release(active.owner)

    def _give_up(self, active: ActiveRun) -> None:
        """A run that was stopped goes on all the same: its end is recorded now, and nothing that its code still does is. The next
        run of its thread begins."""
        _LOG.error("a stopped run does not end", extra={"run_id": active.run.run_id, "agent": active.run.agent})
        try:
            active.engine.emitter.emit(AgentCancelled, by=active.engine.cancelled_by)
        except NetraError:  # the log takes nothing now: the next tick tries again
            return
        active.engine.close()
        self._leave(active)
        self._abandoned[active] = None

    def on_lease_lost(self, run: RunRecord) -> None:
        """The store rejected something of this run: from here on another process holds the thread. What was stored goes on
        there, also if the run has ended here; what was not is reported by its own rejection."""
        self._parts.services.questions.forget(run.run_id)
        self.parked.drop_thread(run.head)
        for active in self.of_thread(run.head):
            if active.run.seq <= run.head.durable:
                self.abandon(active)

    def stop_user(self, owner: str, by: str) -> None:
        """Stop all runs of one user."""
        for active in self.of_user(owner):
            self.stop(active, by)

    async def end_user(self, owner: str, by: str) -> None:
        """Stop all runs of one user, and wait until they have ended."""
        while runs := self.of_user(owner):  # others may begin while these are waited for
            self.stop_user(owner, by)
            await _ended(runs)
        if self._parts.services.budgets is not None:
            await self._parts.services.budgets.drained(owner)

    async def end_thread(self, head: ThreadHead, by: str) -> None:
        """Stop all runs of one thread, and wait until they have ended. In the step in which this returns there is none."""
        while runs := self.of_thread(head):  # others may begin while these are waited for
            for active in runs:
                self.stop(active, by)
            await _ended(runs)

    def tick(self, now: float) -> None:
        """Stop runs that take too long; the time that a run waits for its user's decision or sleeps does not count. Park those
        that sleep long. Cancel again what was stopped and still goes on; after ``cancel_s`` its end is recorded, whatever its
        code does."""
        waiting = self._parts.services.questions.waiting_runs()
        for active in [each for each in (*self.active.values(), *self._abandoned) if each.task is not None]:
            if active.engine.cancelled_by is not None:
                _break_off(active)
                if active not in self._abandoned and now - active.stopped >= self._parts.limits.cancel_s:
                    self._give_up(active)
            elif active.run.run_id in waiting:
                active.began = now
            elif wake_ms := active.engine.asleep_until:
                active.began = now
                self._park(active, wake_ms)
            elif now - active.began >= self._run_s(active):
                self.stop(active, "timeout")

    def _run_s(self, active: ActiveRun) -> float:
        plan = active.engine.plan
        return self._parts.limits.run_s if plan is None else plan.limits.run_s

    def _park(self, active: ActiveRun, wake_ms: int) -> None:
        """If it sleeps long: all that stays of it is its place, until the recovery resumes it. The next run of its thread
        begins."""
        left_ms = wake_ms - self._parts.services.clock.now_ms()
        if left_ms < self._parts.limits.park_s * 1000 or not self.parked.has_room(active.owner):
            return
        try:
            active.engine.park(wake_ms)
        except NetraError:  # the log takes nothing now: the next tick tries again
            return
        active.run.ended = True
        active.engine.cancelled_by = LOST
        self._leave(active)
        self._abandoned[active] = None
        self.parked.add(active.owner, active.run, wake_ms)
        _break_off(active)

    async def drain(self, patience_s: float) -> None:
        """Start nothing more, give runs this long to end, and leave the others to their journals; at once those that wait for
        their thread, their user's decision or a time. Their threads are nobody's on return."""
        self.draining = True
        waiting = self._parts.services.questions.waiting_runs()
        going = [
            active.task
            for active in self.active.values()
            if active.task and active.run.run_id not in waiting and not active.engine.asleep_until
        ]
        if going and patience_s > 0:
            await asyncio.wait(going, timeout=patience_s)
        left = list(self.active.values())
        for active in left:
            _break_off(active)
        if tasks := [active.task for active in left if active.task is not None]:
            await asyncio.wait(tasks, timeout=_CANCEL_S)
        for active in left:
            active.engine.close()  # also of a task that does not end
        await self._release(list(dict.fromkeys([*(active.run.head for active in left), *self.parked.clear()])))

    async def hand_off(self, head: ThreadHead) -> None:
        """Leave all runs of a thread to whoever takes it over."""
        for active in self.of_thread(head):
            self.abandon(active)
        self.parked.drop_thread(head)
        await self._release([head])

    async def _release(self, heads: Sequence[ThreadHead]) -> None:
        try:
            await self._parts.log.release(heads)
        except DependencyUnavailable:  # whoever has the store again finds them: they are known to nobody
            _LOG.warning("threads could not be released", extra={"threads": len(heads)})


def _break_off(active: ActiveRun) -> None:
    """Have its lifetime end: at once while it waits for its thread, else in its task."""
    if active.task is not None:
        active.engine.is_stopping()
        active.task.cancel()
    else:
        assert active.lifetime is not None
        active.lifetime.close()


async def _ended(runs: Sequence[ActiveRun]) -> None:
    """Wait until those that were begun have ended, or were given up."""
    waiting = [active for active in runs if active.task is not None]
    for active in waiting:
        active.gone = active.gone or asyncio.Event()
    for active in waiting:
        assert active.gone is not None
        await active.gone.wait()
