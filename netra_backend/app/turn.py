"""One request, one pass: from a frame that its session let through to a run that has ended.

A run is accepted when its request is committed; runs of one thread go on one after the other; a run outlives its socket.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

from .agents.supervisor.active_run import ActiveRun
from .agents.supervisor.agent_registry import AgentRegistry
from .agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from .agents.supervisor.past_messages import past_messages
from .agents.supervisor.run_services import RunServices
from .agents.tools.unified_tool_dispatcher_factory import BASE_SCOPES
from .core import validation
from .core.errors import LimitRefused, NotFound
from .core.events import AgentCancelled, RunQueued, UserMessage, decode_event
from .core.frames import Accepted, CancelRun, ExecuteAgent, ResolveApproval, ServerFrame
from .core.history import RunRecord, ThreadHead
from .core.journal import Journal
from .core.limits import Limits, Quotas
from .core.recent import Recent
from .ports import EventLog, StoredRun
from .services.conversations import Conversations
from .services.user_execution_context import UserExecutionContext

_LOG: Final = logging.getLogger("netra.turn")
KEY_LIFETIME_MS: Final = 24 * 3600 * 1000
_MAX_KEYS: Final = 20_000
_CANCEL_S: Final = 1.0  # how long a run that is left to its journal may take to let go


class Requester(Protocol):
    """The connection that a request came over."""

    @property
    def connection_id(self) -> str: ...

    @property
    def user_id(self) -> str: ...

    @property
    def scopes(self) -> frozenset[str]: ...

    def say(self, frame: ServerFrame) -> None: ...


class Turns:
    """Takes requests, and carries their runs to the end."""

    def __init__(
        self,
        *,
        log: EventLog,
        conversations: Conversations,
        engines: ExecutionEngineFactory,
        registry: AgentRegistry,
        services: RunServices,
        quotas: Quotas,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._log = log
        self._conversations = conversations
        self._engines = engines
        self._registry = registry
        self._services = services
        self._quotas = quotas
        self._limits = limits
        self._loop = loop
        self._runs: dict[str, ActiveRun] = {}
        self._keys: Recent[tuple[str, str], RunRecord] = Recent(_MAX_KEYS)
        self._words: Recent[tuple[str, str], str] = Recent(_MAX_KEYS)
        self._draining = False
        self.runs_started = 0
        self.runs_taken_over = 0

    def __len__(self) -> int:
        return len(self._runs)

    def of_user(self, owner: str) -> list[ActiveRun]:
        """The runs of one user that have not ended."""
        return [active for active in self._runs.values() if active.owner == owner]

    def all(self) -> list[ActiveRun]:
        """All runs of this process that have not ended."""
        return list(self._runs.values())

    # --- requests ---------------------------------------------------------------------------------------------------

    async def start(self, requester: Requester, frame: ExecuteAgent) -> None:
        """Accept one request, once for each idempotency key, and start its run when its thread is free.

        ``accepted`` is said once the request is committed. Raises a ``Refusal``; nothing is stored then.
        """
        user_id = requester.user_id
        self._registry.check(frame.agent)
        if frame.id is not None and await self._answered(requester, frame.id):
            return
        head = await self._conversations.claim(user_id, frame.thread_id, frame.message)
        if frame.id is not None and self._keys.get((user_id, frame.id)) and await self._answered(requester, frame.id):
            return  # it came over another socket in the meantime
        if head.lines and frame.policy == "reject":
            raise LimitRefused(
                "A run is going on in this thread.", kind="thread_busy", field="policy", point=validation.THREAD_BUSY
            )
        if len(self._runs) >= self._limits.process_runs:
            raise LimitRefused(
                "This server has no room for another run.",
                kind="run_limit",
                retry_after_ms=1000,
                point=validation.TURN_CAPACITY,
            )
        ahead = [self._runs[run.run_id] for run in head.lines]
        active = await self._accept(requester, frame, head)
        if not ahead:
            self._go(active)
            return
        active.engine.emitter.emit(RunQueued, agent=frame.agent, queue_position=len(ahead))
        if frame.policy == "interrupt":
            for each in ahead:
                self._stop(each, "interrupt")

    async def _accept(self, requester: Requester, frame: ExecuteAgent, head: ThreadHead) -> ActiveRun:
        services, user_id = self._services, requester.user_id
        run = RunRecord(
            head,
            services.mint("run"),
            services.mint("req"),
            frame.agent,
            frame.id,
            frame.timezone,
            services.clock.now_ms(),
        )
        context = UserExecutionContext(
            user_id, head.thread_id, run.run_id, run.request_id, connection_id=requester.connection_id
        )
        waits = bool(head.lines)
        quota = self._quotas.of(user_id, services.clock.monotonic())
        if waits:
            quota.add_queued()
        else:
            quota.add_run()
        try:
            engine = await self._engines.create_for_user(context, scopes=requester.scopes)
            try:
                engine.emitter.bind(run)
                chunk = engine.emitter.emit(
                    UserMessage, request_id=run.request_id, agent=frame.agent, text=frame.message
                )
            except BaseException:
                engine.close()
                raise
        except BaseException:
            if waits:
                quota.drop_queued()
            else:
                quota.drop_run()
            self._quotas.release(user_id)
            raise
        run.seq = head.top
        accepted = Accepted(frame.id, head.thread_id, head.epoch, run.run_id, run.seq)
        chunk.before = [*(chunk.before or ()), partial(requester.say, accepted)]
        if frame.id is not None:
            self._keys.put((user_id, frame.id), run)
        return self._line_up(ActiveRun(user_id, run, engine, frame.message, Journal()))

    def _line_up(self, active: ActiveRun) -> ActiveRun:
        active.run.head.lines.append(active.run)
        self._runs[active.run.run_id] = active
        return active

    async def _answered(self, requester: Requester, key: str) -> bool:
        """Give the first answer again where this user's key was accepted before; whether it was."""
        since_ms = self._services.clock.now_ms() - KEY_LIFETIME_MS
        known = self._keys.get((requester.user_id, key))
        if known is not None and (known.created_ms < since_ms or not known.head.owner):  # too old, or deleted
            self._keys.drop((requester.user_id, key))
            known = None
        if known is not None:
            head, epoch = known.head, known.head.epoch  # the thread may be deleted while we wait
            await self._log.durable(known)
            requester.say(Accepted(key, head.thread_id, epoch, known.run_id, known.seq))
            return True
        stored = await self._log.request(requester.user_id, key, since_ms)
        if stored is None:
            return False
        head = await self._conversations.owned_thread(requester.user_id, stored.thread_id)
        requester.say(Accepted(key, stored.thread_id, head.epoch, stored.run_id, stored.seq))
        return True

    async def cancel(self, requester: Requester, frame: CancelRun) -> None:
        """Stop one of the user's runs. A run that has ended stays as it is. Raises ``NotFound``."""
        active = self._runs.get(frame.run_id)
        if active is not None and active.owner == requester.user_id:
            head = active.run.head
            requester.say(Accepted(frame.id, head.thread_id, head.epoch, frame.run_id))
            self._stop(active, "user")
            return
        stored = await self._conversations.owned_run(requester.user_id, frame.run_id)
        requester.say(Accepted(frame.id, stored.thread_id, run_id=frame.run_id))

    async def resolve(self, requester: Requester, frame: ResolveApproval) -> None:
        """Say the user's word about a tool call that waits for it. Raises ``NotFound``."""
        user_id, key = requester.user_id, frame.id
        accept = partial(requester.say, Accepted(key))
        try:
            self._services.approvals.resolve(
                user_id, frame.approval_id, frame.decision, frame.arguments_hash, requester.connection_id, accept
            )
        except NotFound:
            if key is None or self._words.get((user_id, key)) != frame.approval_id:
                raise
            accept()
            return
        if key is not None:
            self._words.put((user_id, key), frame.approval_id)

    def stop_user(self, owner: str, by: str) -> None:
        """Stop all runs of one user."""
        for active in self.of_user(owner):
            self._stop(active, by)

    async def end_user(self, owner: str, by: str) -> None:
        """Stop all runs of one user, wait until they have ended, and forget the user's idempotency keys."""
        while runs := self.of_user(owner):  # others may begin while these are waited for
            self.stop_user(owner, by)
            await _ended(runs)
        self._keys.drop_where(lambda key: key[0] == owner)

    async def stop_thread(self, head: ThreadHead, by: str) -> None:
        """Stop all runs of one thread, and wait until they have ended. In the step that this returns in there is none."""
        while head.lines:  # others may begin while these are waited for
            runs = [self._runs[run.run_id] for run in head.lines]
            for active in runs:
                self._stop(active, by)
            await _ended(runs)

    # --- runs -------------------------------------------------------------------------------------------------------

    def _go(self, active: ActiveRun) -> None:
        active.began = self._services.clock.monotonic()
        active.task = self._loop.create_task(self._perform(active))
        self.runs_started += 1

    async def _perform(self, active: ActiveRun) -> None:
        run = active.run
        active.begun = True
        try:
            if active.engine.cancelled_by is not None:
                raise asyncio.CancelledError
            agent = self._registry.make(run.agent)
            wanted = getattr(agent, "history_messages", 0)
            history = await past_messages(self._log, run, wanted) if wanted and run.seq > 1 else ()
            await active.engine.execute(
                agent, run, self._services, message=active.message, journal=active.journal, history=history
            )
        except (asyncio.CancelledError, Exception) as fault:
            self._fail(active, fault)
        finally:
            self._over(active)

    def _fail(self, active: ActiveRun, fault: BaseException) -> None:
        """End a run that its engine did not: it was stopped before, the agent could not be made, or the thread not be read."""
        engine = active.engine
        try:
            if isinstance(fault, Exception):
                engine.fail(fault, active.run, self._services)
            elif engine.cancelled_by is not None and not active.run.ended:
                engine.emitter.emit(AgentCancelled, by=engine.cancelled_by)
        except Exception:  # the log takes nothing more: the run goes on from its journal in the next process
            _LOG.exception("a run could not be ended", extra={"run_id": active.run.run_id})

    def _stop(self, active: ActiveRun, by: str) -> None:
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

    def _over(self, active: ActiveRun) -> None:
        """The run is no longer of this process: it ended, or it will be taken over from its journal."""
        head, quota = active.run.head, self._quotas.of(active.owner, self._services.clock.monotonic())
        waited = active.task is None
        active.engine.close()
        del self._runs[active.run.run_id]
        head.lines.remove(active.run)
        if waited:
            quota.drop_queued()
        else:
            quota.drop_run()
        if not waited and head.lines and not self._draining:
            following = self._runs[head.lines[0].run_id]
            quota.drop_queued()
            quota.runs += 1
            self._go(following)
        self._quotas.release(active.owner)

    def tick(self, now: float) -> None:
        """Stop runs that take too long; what a run waits for its user's word does not count. Cancel again what was stopped
        and still goes on."""
        waiting = self._services.approvals.waiting_runs()
        for active in [each for each in self._runs.values() if each.task is not None]:
            if active.engine.cancelled_by is not None:
                self._cancel(active)
            elif active.run.run_id in waiting:
                active.began = now
            elif now - active.began >= self._limits.run_s:
                self._stop(active, "timeout")

    async def drain(self, patience_s: float) -> None:
        """Start nothing more, give runs this long to end, and leave the others to their journals; at once those that wait for
        their turn or their user's word."""
        self._draining = True
        waiting = self._services.approvals.waiting_runs()
        going = [active.task for active in self._runs.values() if active.task and active.run.run_id not in waiting]
        if going and patience_s > 0:
            await asyncio.wait(going, timeout=patience_s)
        left = list(self._runs.values())
        tasks = [active.task for active in left if active.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_S)
        for active in left:
            active.engine.close()

    # --- takeover ---------------------------------------------------------------------------------------------------

    async def take_over(self) -> int:
        """Go on with the runs that an earlier process left; how many. Recorded effects are not performed again."""
        taken = 0
        for stored in await self._log.take_over(self._limits.process_runs):
            if stored.run_id in self._runs:
                continue
            try:
                await self._resume(stored)
                taken += 1
            except Exception:  # one run that cannot be read keeps no other from going on
                _LOG.exception("a run cannot be taken over", extra={"run_id": stored.run_id, "agent": stored.agent})
        self.runs_taken_over += taken
        return taken

    async def _resume(self, stored: StoredRun) -> None:
        head = await self._conversations.owned_thread(stored.owner, stored.thread_id)
        events = [decode_event(frame) for frame in await self._log.run_frames(stored)]
        first = events[0]
        assert isinstance(first, UserMessage)
        run = RunRecord(head, stored.run_id, stored.request_id, stored.agent, None, stored.timezone, stored.created_ms)
        run.seq = stored.seq
        run.stored = True
        context = UserExecutionContext(stored.owner, stored.thread_id, stored.run_id, stored.request_id)
        engine = await self._engines.create_for_user(context, scopes=BASE_SCOPES)
        engine.emitter.bind(run)
        active = self._line_up(ActiveRun(stored.owner, run, engine, first.text, Journal(events)))
        quota = self._quotas.of(stored.owner, self._services.clock.monotonic())
        if len(head.lines) == 1:
            quota.runs += 1
            self._go(active)
        else:
            quota.queued += 1


async def _ended(runs: Sequence[ActiveRun]) -> None:
    """Wait until those that were begun have ended, one way or another."""
    await asyncio.gather(*(active.task for active in runs if active.task is not None), return_exceptions=True)
