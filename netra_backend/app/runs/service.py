"""One request, one pass: from a frame that its session let through to a run that has been started.

``RunService.start`` is the pipeline. Each step is a function: it gives what the next one needs, or says that the request has
been answered, or raises what refuses it. A run is accepted when its request is committed; runs of one thread go on one after
the other; a run outlives its socket. If several processes share one store, a request is taken by the one that holds its
thread.
"""

from __future__ import annotations

from collections.abc import Coroutine
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from ..agents.supervisor.execution_engine import UserExecutionEngine
from ..core import validation
from ..core.errors import LimitRefused, NetraError
from ..core.events import RunQueued, RunSuperseded, UserMessage
from ..core.frames import Accepted, ExecuteAgent
from ..core.history import AppendRejection, HeldElsewhere, RunRecord, ThreadHead
from ..core.journal import Journal
from ..core.plans import Plan, of_agents
from ..ports import Peers, Requester
from ..services.files import Files
from ..services.user_execution_context import UserExecutionContext
from .accepted_requests import AcceptedRequests
from .active_run import ActiveRun
from .changing_hands import TRIES, changing_hands
from .commands import RunCommands
from .frozen_runs import FrozenRuns
from .new_message import AttachedFiles, NewMessage, message_of
from .parts import RunParts
from .recovery import RunRecovery
from .scheduler import RunScheduler
from .waking import RunWaking

_PASSES: Final = 2 * TRIES
"""How often a request may go through the pipeline: its thread may change hands before it is acquired, and again before the
request is committed."""


class _Found(Enum):
    """What became of looking for the thread of a request."""

    HELD = auto()
    """This process may append to it."""
    ANSWERED = auto()
    """Another process holds it, and has answered the request."""
    ON_ITS_WAY = auto()
    """It has just changed hands: look again."""


_Submitted = tuple[Requester, ExecuteAgent, int, Accepted]
"""A request whose commit is awaited: who asked, for what, how many passes it may still make, and what is sent then."""


class RunService:
    """Takes requests. ``commands`` takes what users and operators say about runs, ``recovery`` goes on with the runs of others,
    ``scheduler`` has those that are here, ``frozen`` remembers those that held up this process. ``peers`` are the other
    processes of the server, ``None`` if there are none."""

    def __init__(self, parts: RunParts, peers: Peers | None = None) -> None:
        self._parts = parts
        self._peers = peers
        self._requests = AcceptedRequests(parts.log, parts.conversations, parts.services.clock)
        self.scheduler = scheduler = RunScheduler(parts)
        self.frozen = FrozenRuns(parts.freeze_s)
        self.recovery = recovery = RunRecovery(parts, scheduler, self.frozen)
        self.waking = RunWaking(parts, scheduler, recovery)
        self.commands = RunCommands(parts, scheduler, recovery, self.waking, self._requests, peers)

    @property
    def _files(self) -> Files:
        files = self._parts.services.files
        assert files is not None, "a server has files"
        return files

    def __len__(self) -> int:
        return len(self.scheduler)

    # --- the pipeline -----------------------------------------------------------------------------------------------

    def start(self, requester: Requester, frame: ExecuteAgent) -> Coroutine[Any, Any, None]:
        """Accept one request, once for each idempotency key, and start its run when its thread is free.

        ``accepted`` is sent once the request is committed. Raises a ``Refusal``; nothing is stored then. If the store rejects the
        request after this has returned, it goes through the pipeline again, and what is raised then reaches
        ``requester.refuse``.
        """
        plan = of_agents(self._parts.plan_of(requester.plan), requester.agents, self._parts.limits)
        return self._submit(requester, self._addressed(frame, plan), _PASSES)

    def _addressed(self, frame: ExecuteAgent, plan: Plan | None) -> ExecuteAgent:
        """The request with the agent that it is for. Raises ``NotFound`` if there is none of that name in the plan."""
        registry = self._parts.registry
        if frame.agent is not None:
            registry.check(frame.agent, plan)
            return frame
        name = registry.default_of(plan) or registry.default
        registry.check(name, plan)
        return replace(frame, agent=name)

    async def _submit(self, requester: Requester, frame: ExecuteAgent, passes: int) -> None:
        """The steps, in order; all of them again, at most so often, if the thread changes hands on the way."""
        user_id, key = requester.user_id, frame.id
        while passes:
            passes -= 1
            if key is not None and (answer := await self._requests.first_answer(user_id, key)):
                requester.say(answer)
                return
            message = await message_of(user_id, frame, self._parts.conversations)
            head = await self._parts.conversations.claim(user_id, message.thread_id, message.text)
            attached: AttachedFiles | None = None
            try:
                found = await self._acquire(head, requester, frame) if self._is_behind(head) else _Found.HELD
                if found is _Found.ANSWERED:
                    return
                if found is _Found.HELD and message.file_ids:
                    attached = AttachedFiles(self._files, user_id, self._parts.services.mint("run"))
                    await attached.claim(message, head.thread_id)
                    found = self._look_again(head, user_id)
                if found is _Found.HELD and not (key is not None and self._requests.is_recent(user_id, key)):
                    # Nothing is awaited until the run is enqueued: what was found is still so then.
                    ahead, full = self._admit(head, user_id, message, self._parts.plan_of(requester.plan))
                    waits = full or bool(ahead)
                    active = self._record(head, requester, message, attached, passes, waits=waits)
                    attached = None
                    self._stop_parked(head, message)
                    if waits:
                        await self._wait(active, ahead, full, message)
                    else:
                        self.scheduler.start(active)
                    return
            finally:
                if attached is not None:
                    await attached.release()
                if not head.top:  # nothing came of it: the id is as free as it was, also for another process
                    self._parts.log.forget(head.thread_id)
        raise changing_hands()

    def _is_behind(self, head: ThreadHead) -> bool:
        """Whether the thread has to be acquired, or runs that were left somewhere are not enqueued yet."""
        return not head.fence or self.recovery.is_resuming

    async def _acquire(self, head: ThreadHead, requester: Requester, frame: ExecuteAgent) -> _Found:
        """Acquire the thread, with all that was left in it enqueued, or have its holder answer."""
        await self.recovery.resumed(head.thread_id)
        if not head.fence:
            try:
                left = await self._parts.log.acquire(head)
            except HeldElsewhere as other:
                assert self._peers is not None
                answered = await self._peers.start(other.process_id, requester, frame, head.thread_id)
                return _Found.ANSWERED if answered else _Found.ON_ITS_WAY
            await self.recovery.resume(left)
            await self.recovery.resumed(head.thread_id)
        is_ours = (
            head.fence and head.owner == requester.user_id
        )  # else it was lost again, or deleted since it was found
        return _Found.HELD if is_ours else _Found.ON_ITS_WAY

    def _look_again(self, head: ThreadHead, user_id: str) -> _Found:
        """Whether a thread that was held before something was awaited still is."""
        is_ours = head.owner == user_id and self._parts.log.known(head.thread_id) is head
        return _Found.HELD if is_ours and not self._is_behind(head) else _Found.ON_ITS_WAY

    def _admit(
        self, head: ThreadHead, user_id: str, message: NewMessage, plan: Plan | None
    ) -> tuple[list[ActiveRun], bool]:
        """Count the run against its user; the runs ahead of it in its thread, and whether this process has no room to perform
        it and leaves it to another. Raises ``LimitRefused``: by the request's policy, the process's room, or the user's quota."""
        ahead = self.scheduler.of_thread(head)
        if message.frame.policy == "reject" and not all(message.supersedes(each.run.seq) for each in ahead):
            raise LimitRefused(
                "A run is already in progress in this thread.",
                kind="thread_busy",
                field="policy",
                point=validation.THREAD_BUSY,
            )
        full = self.scheduler.is_full
        if full and (ahead or self._peers is None or not self._peers.have_others):
            raise LimitRefused(
                "The server has no capacity for another run.",
                kind="run_limit",
                retry_after_ms=1000,
                point=validation.TURN_CAPACITY,
            )
        now = self._parts.services.clock.monotonic()
        quota = self._parts.quotas.of(user_id, now)
        if plan is not None:
            quota.plan(plan.limits, 0, now)  # unless a sign-in here has said so
        if ahead or full:
            quota.add_queued()
        else:
            quota.add_run()
        return ahead, full

    def _record(
        self,
        head: ThreadHead,
        requester: Requester,
        message: NewMessage,
        attached: AttachedFiles | None,
        passes: int,
        *,
        waits: bool,
    ) -> ActiveRun:
        """Append the request to its thread, and enqueue its run, which ``waits`` for others or goes on at once."""
        services, user_id, frame = self._parts.services, requester.user_id, message.frame
        assert frame.agent is not None  # since ``_addressed``
        try:
            run_id = services.mint("run") if attached is None else attached.run_id
            accepted = Accepted(frame.id, head.thread_id, head.epoch, run_id, head.top + 1)
            run = RunRecord(
                head,
                run_id,
                services.mint("req"),
                frame.agent,
                frame.id,
                frame.timezone,
                services.clock.now_ms(),
                _RequestObserver(self, (requester, frame, passes, accepted)),
            )
            recorded = message.recorded(() if attached is None else attached.found)
            context = UserExecutionContext(
                user_id, head.thread_id, run_id, run.request_id, connection_id=requester.connection_id
            )
            record = partial(_append_request, run, message, recorded, requester.plan)
            active = self.scheduler.enqueue(context, requester.scopes, record, self._parts.plan_of(requester.plan))
        except BaseException:
            quota = self._parts.quotas.of(user_id, services.clock.monotonic())
            if waits:
                quota.drop_queued()
            else:
                quota.drop_run()
            self._parts.quotas.release(user_id)
            raise
        if frame.id is not None:
            self._requests.keep(user_id, frame.id, run)
        return active

    async def _wait(self, active: ActiveRun, ahead: list[ActiveRun], full: bool, message: NewMessage) -> None:
        """Have the run wait for the runs ahead of it, or leave it to a process with room. Those that it interrupts or supersedes
        end."""
        active.engine.emitter.emit(RunQueued, agent=active.run.agent, queue_position=len(ahead))
        for each in ahead:
            if message.frame.policy == "interrupt" or message.supersedes(each.run.seq):
                self.scheduler.stop(each, "interrupt")
        if full:
            await self.scheduler.hand_off(active.run.head)
            assert self._peers is not None
            self._peers.offer_work()

    def _stop_parked(self, head: ThreadHead, message: NewMessage) -> None:
        """Runs of the thread that sleep are not waited for. Those that this one interrupts or supersedes end."""
        if parked := self.scheduler.parked.of_thread(head):
            interrupts = message.frame.policy == "interrupt"
            ending = [each for each in parked if interrupts or message.supersedes(each.run.seq)]
            self.waking.stop(ending, "interrupt")

    # --- what the store says of a request ---------------------------------------------------------------------------

    def on_request_rejected(self, run: RunRecord, submitted: _Submitted) -> None:
        """The store rejected a request, so nobody was told anything of it: it goes through the pipeline again."""
        active = self.scheduler.get(run.run_id)
        if active is not None and active.run is run:
            self.scheduler.abandon(active)
        self.scheduler.on_lease_lost(run)
        requester, frame, *_ = submitted
        if frame.id is not None:
            self._requests.drop(requester.user_id, frame.id)
        self._parts.loop.create_task(self._submit_again(run.run_id, submitted))

    async def _submit_again(self, run_id: str, submitted: _Submitted) -> None:
        requester, frame, passes, accepted = submitted
        try:
            if frame.parts:
                await AttachedFiles(self._files, requester.user_id, run_id).release()
            if await self._parts.log.run(run_id) is not None:  # it was stored, and another process holds it since
                requester.say(accepted)
                return
            await self._submit(requester, frame, passes)
        except NetraError as error:
            requester.refuse(error, frame.id)

    def tick(self, now: float) -> None:
        """About a second has passed (``now`` in seconds, monotonic)."""
        self.scheduler.tick(now)
        self.waking.tick()

    # --- the end ----------------------------------------------------------------------------------------------------

    async def give_back(self) -> None:
        """Have other processes go on with all runs of this one."""
        assert self._peers is not None
        for head in dict.fromkeys(active.run.head for active in self.scheduler.all()):
            await self.scheduler.hand_off(head)
        self._peers.offer_work()

    async def drain(self, patience_s: float) -> None:
        """Start nothing more, give runs this long to end, and leave the others to whoever takes them over."""
        self.scheduler.draining = True
        await self.waking.close()
        await self.recovery.drain()
        await self.scheduler.drain(patience_s)
        if self._peers is not None:
            self._peers.offer_work()


class _RequestObserver:
    """``core.history.RunObserver`` of a run that was requested here.

    Until the request is committed, a rejection sends it through the pipeline again; after that, a rejection means that another
    process has taken over the thread. It keeps nothing of the request then: records of runs live long.
    """

    __slots__ = ("_service", "_submitted")

    def __init__(self, service: RunService, submitted: _Submitted) -> None:
        self._service = service
        self._submitted: _Submitted | None = submitted

    def committed(self, run: RunRecord) -> None:
        submitted, self._submitted = self._submitted, None
        assert submitted is not None
        requester, _, _, accepted = submitted
        requester.say(accepted)

    def rejected(self, run: RunRecord, _: AppendRejection) -> None:
        submitted, self._submitted = self._submitted, None
        if submitted is None:
            self._service.scheduler.on_lease_lost(run)
        else:
            self._service.on_request_rejected(run, submitted)


def _append_request(
    run: RunRecord, message: NewMessage, parts: list[dict[str, Any]], plan: str, engine: UserExecutionEngine
) -> ActiveRun:
    emitter, frame = engine.emitter, message.frame
    emitter.bind(run)
    if parts or frame.client_run_id or plan:
        emitter.emit(
            UserMessage,
            run.request_id,
            run.agent,
            message.text,
            client_run_id=frame.client_run_id,
            parts=parts,
            plan=plan,
        )
    else:
        emitter.emit(UserMessage, run.request_id, run.agent, message.text)
    if frame.supersedes is not None:
        emitter.emit(RunSuperseded, run.run_id, message.since, about=frame.supersedes)
    return ActiveRun(emitter.user_id, run, engine, message.text, Journal(run.run_id), parts)
