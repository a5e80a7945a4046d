"""One request, one pass: from a frame that its session let through to a run that has ended.

A run is accepted when its request is committed; runs of one thread go on one after the other; a run outlives its socket.
Where several processes share one store, a request is taken by the one that holds its thread.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from ..cluster.peer_client import PeerClient
from ..core import validation
from ..core.errors import DependencyUnavailable, LimitRefused, NetraError, NotFound
from ..core.events import RunQueued, UserMessage
from ..core.frames import Accepted, CancelRun, ExecuteAgent, ResolveApproval
from ..core.history import HeldElsewhere, Refused, RunRecord, ThreadHead
from ..core.journal import Journal
from ..core.peer_messages import WaitingCall
from ..services.approvals import in_the_log, run_id_of
from ..services.user_execution_context import UserExecutionContext
from .accepted_requests import AcceptedRequests
from .active_run import ActiveRun
from .parts import RunParts
from .requester import Requester
from .scheduler import Runs

_TRIES: Final = 4  # a thread may change hands while it is looked for


class RunService:
    """Takes requests, and what users and operators say about runs.

    ``elsewhere`` are the other processes of the server, ``None`` where there are none.
    """

    def __init__(self, parts: RunParts, elsewhere: PeerClient | None = None) -> None:
        self._parts = parts
        self._elsewhere = elsewhere
        self._requests = AcceptedRequests(parts.log, parts.conversations, parts.services.clock)
        self._runs = runs = Runs(parts)
        self.of_user, self.all, self.tick = runs.of_user, runs.all, runs.tick
        self.stop_user, self.stop_thread, self.take_over = runs.stop_user, runs.end_thread, runs.take_over

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def runs_started(self) -> int:
        """How many runs have begun here."""
        return self._runs.started

    @property
    def runs_taken_over(self) -> int:
        """How many of them other processes had left."""
        return self._runs.taken_over

    def is_here(self, owner: str, run_id: str) -> bool:
        """Whether this run of the owner goes on here."""
        active = self._runs.get(run_id)
        return active is not None and active.owner == owner

    def asks_here(self, owner: str, approval_id: str) -> bool:
        """Whether the run that asks for this approval goes on here, or was decided upon here lately."""
        return self._parts.services.approvals.knows(approval_id) or self.is_here(owner, run_id_of(approval_id))

    # --- requests ---------------------------------------------------------------------------------------------------

    async def start(self, requester: Requester, frame: ExecuteAgent, *, attempt: int = 1) -> None:
        """Accept one request, once for each idempotency key, and start its run when its thread is free.

        ``accepted`` is said once the request is committed. Raises a ``Refusal``; nothing is stored then. Where the store turns
        out to have refused it, it is begun anew, and what is raised then is told by ``requester.refuse``.
        """
        user_id = requester.user_id
        self._parts.registry.check(frame.agent)
        key = frame.id
        if key is not None and (answered := await self._requests.first_answer(user_id, key)):
            requester.say(answered)
            return
        head = await self._parts.conversations.claim(user_id, frame.thread_id, frame.message)
        try:
            for _ in range(_TRIES):  # nothing is waited for between holding the thread and lining the run up in it
                if self._elsewhere is not None and not await self._held_here(self._elsewhere, head, requester, frame):
                    return
                if key is None or not self._requests.is_recent(user_id, key):
                    break
                # It came over another socket in the meantime.
                if answered := await self._requests.first_answer(user_id, key):
                    requester.say(answered)
                    return
            else:
                raise _on_its_way()
            if head.lines and frame.policy == "reject":
                raise LimitRefused(
                    "A run is going on in this thread.",
                    kind="thread_busy",
                    field="policy",
                    point=validation.THREAD_BUSY,
                )
            full = len(self._runs.active) >= self._parts.limits.process_runs or self._runs.draining
            if full and (head.lines or self._elsewhere is None or not self._elsewhere.is_somebody):
                raise LimitRefused(
                    "This server has no room for another run.",
                    kind="run_limit",
                    retry_after_ms=1000,
                    point=validation.TURN_CAPACITY,
                )
            ahead = self._runs.of_thread(head) if head.lines else []
            active = await self._accept(requester, frame, head, full or bool(ahead), attempt)
            if not ahead and not full:
                self._runs.go(active)
                return
            active.engine.emitter.emit(RunQueued, agent=frame.agent, queue_position=len(ahead))
            if frame.policy == "interrupt":
                for each in ahead:
                    self._runs.stop(each, "interrupt")
            if full:
                await self._runs.leave(head)
                assert self._elsewhere is not None
                self._elsewhere.offer_work()
        finally:
            if not head.top:  # nothing came of it: the id is as free as it was, also for another process
                self._parts.log.forget(head.thread_id)

    async def _held_here(
        self, elsewhere: PeerClient, head: ThreadHead, requester: Requester, frame: ExecuteAgent
    ) -> bool:
        """Hold the thread; ``False`` where its holder has answered instead."""
        for _ in range(_TRIES):
            await self._runs.resumed(head.thread_id)
            if head.fence:
                return True
            try:
                await self._runs.resume(await self._parts.log.hold(head))
            except HeldElsewhere as other:
                if await elsewhere.start(other.process_id, requester, frame, head.thread_id):
                    return False
            if head.owner != requester.user_id:  # it was deleted since it was found
                await self._parts.conversations.claim(requester.user_id, head.thread_id, frame.message)
        raise _on_its_way()

    async def _accept(
        self, requester: Requester, frame: ExecuteAgent, head: ThreadHead, waits: bool, attempt: int
    ) -> ActiveRun:
        services, user_id = self._parts.services, requester.user_id
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
        quota = self._parts.quotas.of(user_id, services.clock.monotonic())
        if waits:
            quota.add_queued()
        else:
            quota.add_run()
        try:
            engine = await self._parts.engines.create_for_user(context, scopes=requester.scopes)
            try:
                engine.emitter.bind(run)
                chunk = engine.emitter.emit(UserMessage, run.request_id, frame.agent, frame.message)
            except BaseException:
                engine.close()
                raise
        except BaseException:
            if waits:
                quota.drop_queued()
            else:
                quota.drop_run()
            self._parts.quotas.release(user_id)
            raise
        run.seq = head.top
        accepted = Accepted(frame.id, head.thread_id, head.epoch, run.run_id, run.seq)
        chunk.before = [*(chunk.before or ()), partial(requester.say, accepted)]
        if frame.id is not None:
            self._requests.keep(user_id, frame.id, run)
        active = self._runs.line_up(ActiveRun(user_id, run, engine, frame.message, Journal()))
        if self._elsewhere is not None:
            run.refused = partial(self._refused, active, requester, frame, attempt)
            chunk.before.append(partial(self._stored, active))
        return active

    def _stored(self, active: ActiveRun) -> None:
        """The request is committed: what is refused from now on is another process's already."""
        run = active.run
        run.refused = (lambda _: self._runs.lose(run)) if self._runs.get(run.run_id) else None

    def _refused(
        self, active: ActiveRun, requester: Requester, frame: ExecuteAgent, attempt: int, why: Refused
    ) -> None:
        """The store did not take the request, so nobody was told anything of it: it is begun anew."""
        if self._runs.get(active.run.run_id) is active:
            self._runs.abandon(active)
        self._runs.lose(active.run)
        if frame.id is not None:
            self._requests.drop(requester.user_id, frame.id)
        self._parts.loop.create_task(self._begin_anew(active.run, requester, frame, attempt + 1))

    async def _begin_anew(self, before: RunRecord, requester: Requester, frame: ExecuteAgent, attempt: int) -> None:
        try:
            stored = await self._parts.log.run(before.run_id)
            if stored is not None:  # it was stored, and another process holds it since: that is as good as accepted
                epoch = before.head.epoch
                requester.say(Accepted(frame.id, stored.thread_id, epoch, stored.run_id, stored.seq))
                return
            if attempt > _TRIES:
                raise _on_its_way()
            await self.start(requester, frame, attempt=attempt)
        except NetraError as error:
            requester.refuse(error, frame.id)

    # --- what is said about runs ------------------------------------------------------------------------------------

    async def cancel(self, requester: Requester, frame: CancelRun) -> None:
        """Stop one of the user's runs. A run that has ended stays as it is. Raises ``NotFound``."""
        owner, run_id = requester.user_id, frame.run_id
        for _ in range(_TRIES):
            active = self._runs.get(run_id)
            if active is not None and active.owner == owner:
                head = active.run.head
                requester.say(Accepted(frame.id, head.thread_id, head.epoch, run_id))
                self._runs.stop(active, "user")
                return
            stored = await self._parts.conversations.owned_run(owner, run_id)
            if stored.ended_seq or self._elsewhere is None:
                requester.say(Accepted(frame.id, stored.thread_id, run_id=run_id))
                return
            holder = await self._holder(owner, run_id)
            if holder is not None and await self._elsewhere.cancel(holder, owner, run_id):
                requester.say(Accepted(frame.id, stored.thread_id, run_id=run_id))
                return
        raise _on_its_way()

    async def resolve(self, requester: Requester, frame: ResolveApproval, *, by: str = "") -> None:
        """Say the user's word about a tool call that waits for it, as said ``by`` the connection where nobody else is named.
        Saying the same again changes nothing. Raises ``NotFound``."""
        owner, by = requester.user_id, by or requester.connection_id or "http"
        approvals, asked = self._parts.services.approvals, (frame.approval_id, frame.decision, frame.arguments_hash)
        accept = partial(requester.say, Accepted(frame.id))
        try:
            approvals.resolve(owner, *asked, by, accept)
        except NotFound:
            if approvals.knows(frame.approval_id):
                raise
            found = await in_the_log(self._parts.log, owner, *asked)
            if found == "unknown":
                raise
            if found == "open":
                await self._resolve_elsewhere(owner, frame, by)
            accept()

    async def _resolve_elsewhere(self, owner: str, frame: ResolveApproval, by: str) -> None:
        holder = await self._holder(owner, run_id_of(frame.approval_id))
        if holder is None or self._elsewhere is None:  # its run goes on here and does not ask yet, or it is nobody's
            raise _on_its_way()
        if not await self._elsewhere.resolve(holder, owner, frame, by):
            raise _on_its_way()

    async def approvals(self, owner: str) -> list[WaitingCall]:
        """The calls that wait for this user's word, oldest first. Those of a process that does not answer are left out."""
        calls = self.approvals_here(owner)
        if self._elsewhere is not None:
            for process_id in await self._holders(owner):
                calls += await self._elsewhere.approvals(process_id, owner)
        return sorted(calls, key=lambda call: call.expires_at)

    def approvals_here(self, owner: str) -> list[WaitingCall]:
        """As ``approvals``, of the runs of this process."""
        return [each.told() for each in self._parts.services.approvals.of(owner)]

    async def end_user(self, owner: str, by: str) -> None:
        """Stop all runs of one user, wherever they are, wait until they have ended, and forget the user's idempotency keys."""
        await self.end_user_here(owner, by)
        if self._elsewhere is not None:
            for process_id in await self._holders(owner):
                await self._elsewhere.end_user(process_id, owner, by)

    async def end_user_here(self, owner: str, by: str) -> None:
        """As ``end_user``, of the runs of this process."""
        await self._runs.end_user(owner, by)
        self._requests.forget_owner(owner)

    async def delete_user(self, owner: str, by: str) -> list[str]:
        """End all runs of one user and delete all threads; their ids."""
        deleted: list[str] = []
        for _ in range(_TRIES):
            await self.end_user(owner, by)
            try:
                deleted += await self._parts.log.delete_owner(owner)
            except HeldElsewhere:
                continue
            if self._elsewhere is not None:
                self._elsewhere.forget(deleted)
            return deleted
        raise _on_its_way()

    async def delete_thread(self, owner: str, thread_id: str) -> None:
        """Stop a thread's runs and delete it. Raises ``NotFound``."""
        for _ in range(_TRIES):
            try:
                await self.delete_thread_here(owner, thread_id)
            except HeldElsewhere as other:
                assert self._elsewhere is not None
                if not await self._elsewhere.delete_thread(other.process_id, owner, thread_id):
                    continue
                self._parts.log.forget(thread_id)
            return
        raise _on_its_way()

    async def delete_thread_here(self, owner: str, thread_id: str) -> None:
        """As ``delete_thread``; raises ``HeldElsewhere`` where another process is to do it."""
        await self._runs.resumed(thread_id)
        head = await self._parts.conversations.owned_thread(owner, thread_id)
        await self._runs.end_thread(head, "user")
        await self._parts.log.delete_thread(head)
        if self._elsewhere is not None:
            self._elsewhere.forget([thread_id])

    async def _holder(self, owner: str, run_id: str) -> str | None:
        """The other process that holds this run. One that nobody holds is taken over, where there is room."""
        holder = (await self._parts.log.holders(owner)).get(run_id)
        if holder is None and self._runs.get(run_id) is None:
            await self._runs.take_over()
        return holder

    async def _holders(self, owner: str) -> list[str]:
        return sorted(set((await self._parts.log.holders(owner)).values()))

    # --- the end ----------------------------------------------------------------------------------------------------

    async def drain(self, patience_s: float) -> None:
        """Start nothing more, give runs this long to end, and leave the others to whoever takes them over."""
        await self._runs.drain(patience_s)
        if self._elsewhere is not None:
            self._elsewhere.offer_work()


def _on_its_way() -> DependencyUnavailable:
    return DependencyUnavailable("This is on its way from one process of the server to another.", retry_after_ms=1000)
