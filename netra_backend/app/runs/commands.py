"""What users and operators say about runs: cancel, decide, end, delete; wherever the runs are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from ..core.errors import DependencyUnavailable, NotFound
from ..core.frames import Accepted, AnswerQuestion, CancelRun, ResolveApproval
from ..core.history import HeldElsewhere
from ..core.ids import check_id
from ..core.peer_messages import WaitingCall, WaitingQuestion
from ..core.questions import Said, run_id_of, said_of
from ..ports import Peers, Requester
from ..services.answer_schemas import check_size
from ..services.questions import in_the_log
from .accepted_requests import AcceptedRequests
from .changing_hands import changing_hands, until_found
from .parts import RunParts
from .recovery import RunRecovery
from .scheduler import RunScheduler
from .waking import RunWaking


class RunCommands:
    """Carries them out here, or has the process do it that holds the run. ``peers`` is ``None`` if this process is alone."""

    def __init__(
        self,
        parts: RunParts,
        scheduler: RunScheduler,
        recovery: RunRecovery,
        waking: RunWaking,
        requests: AcceptedRequests,
        peers: Peers | None,
    ) -> None:
        self._parts = parts
        self._scheduler = scheduler
        self._recovery = recovery
        self._waking = waking
        self._requests = requests
        self._peers = peers

    # --- runs -------------------------------------------------------------------------------------------------------

    def is_here(self, owner: str, run_id: str) -> bool:
        """Whether this run of the owner goes on here."""
        found = self._scheduler.get(run_id) or self._scheduler.parked.get(run_id)
        return found is not None and found.owner == owner

    async def cancel(self, requester: Requester, frame: CancelRun) -> None:
        """Stop one of the user's runs. A run that has ended stays as it is. Raises ``NotFound``."""
        requester.say(await until_found(partial(self._cancel, requester.user_id, frame)))

    async def _cancel(self, owner: str, frame: CancelRun) -> Accepted | None:
        run_id = frame.run_id
        active = self._scheduler.get(run_id)
        if active is not None and active.owner == owner:
            head = active.run.head
            self._scheduler.stop(active, "user")
            return Accepted(frame.id, head.thread_id, head.epoch, run_id)
        parked = self._scheduler.parked.get(run_id)
        if parked is not None and parked.owner == owner:
            head = parked.run.head
            await self._waking.stopped([parked], "user")
            return Accepted(frame.id, head.thread_id, head.epoch, run_id)
        stored = await self._parts.conversations.owned_run(owner, run_id)
        if not stored.ended_seq and self._peers is not None:
            holder = await self._holder(owner, run_id)
            if holder is None or not await self._peers.cancel(holder, owner, run_id):
                return None
        return Accepted(frame.id, stored.thread_id, run_id=run_id)

    # --- questions --------------------------------------------------------------------------------------------------

    def asks_here(self, owner: str, question_id: str) -> bool:
        """Whether the run that asks this question goes on here, or was answered here lately."""
        return self._parts.services.questions.knows(question_id) or self.is_here(owner, run_id_of(question_id))

    async def resolve(self, requester: Requester, frame: ResolveApproval, *, by: str = "") -> None:
        """Take the user's decision about a tool call that waits for it; as ``answer``."""
        check_size(frame.arguments, self._parts.services.questions.limits)
        await self._answer(requester, said_of(frame), frame.id, by)

    async def answer(self, requester: Requester, frame: AnswerQuestion, *, by: str = "") -> None:
        """Take the user's answer to a question, made ``by`` the connection if nobody else is named. The same answer again
        changes nothing. Raises ``InvalidContextError``, ``NotFound``, and ``FrameRefused`` for an answer that does not fit."""
        check_id("question_id", frame.question_id)
        check_size(frame.answer, self._parts.services.questions.limits)
        await self._answer(requester, said_of(frame), frame.id, by)

    async def _answer(self, requester: Requester, said: Said, key: str | None, by: str) -> None:
        owner, by = requester.user_id, by or requester.connection_id or "http"
        questions = self._parts.services.questions

        def stored(fault: DependencyUnavailable | None) -> None:
            if fault is None:
                requester.say(Accepted(key))
            else:
                requester.refuse(fault, key)

        try:
            questions.answer(owner, said, by, stored)
        except NotFound:
            if questions.knows(said.question_id):
                raise
            found, arguments_hash = await in_the_log(self._parts.log, owner, said)
            if found == "unknown":
                raise
            said = msgspec.structs.replace(said, arguments_hash=arguments_hash)
            if found == "open" and not await self._answer_at_holder(owner, said, key, by):
                raise changing_hands() from None
            stored(None)

    async def _answer_at_holder(self, owner: str, said: Said, key: str | None, by: str) -> bool:
        holder = await self._holder(owner, run_id_of(said.question_id))
        if holder is None or self._peers is None:  # its run goes on here and does not ask yet, or it is nobody's
            return False
        return await self._peers.answer(holder, owner, said, key, by)

    async def questions(self, owner: str) -> list[WaitingQuestion]:
        """The questions that wait for this user, approvals included, those that expire first before the others. Those of a
        process that does not answer are left out."""
        found = self.questions_here(owner)
        if self._peers is not None:
            for process_id in await self._holders(owner):
                found += await self._peers.questions(process_id, owner)
        return sorted(found, key=lambda question: question.expires_at)

    def questions_here(self, owner: str) -> list[WaitingQuestion]:
        """As ``questions``, of the runs of this process."""
        return [each.told for each in self._parts.services.questions.of(owner)]

    async def approvals(self, owner: str) -> list[WaitingCall]:
        """Of the questions that wait for this user, the calls that are to be approved."""
        return [each.approval for each in await self.questions(owner) if each.approval is not None]

    # --- users and threads ------------------------------------------------------------------------------------------

    async def end_user(self, owner: str, by: str) -> None:
        """Stop all runs of one user, wherever they are, wait until they have ended, and forget the user's idempotency keys."""
        await self.end_user_here(owner, by)
        if self._peers is not None:
            for process_id in await self._holders(owner):
                await self._peers.end_user(process_id, owner, by)

    def stop_user(self, owner: str, by: str) -> None:
        """Stop the runs of one user that are here, soon."""
        self._waking.stop(self._scheduler.parked.of_user(owner), by)
        self._scheduler.stop_user(owner, by)

    async def end_user_here(self, owner: str, by: str) -> None:
        """As ``end_user``, of the runs of this process."""
        await self._waking.stopped(self._scheduler.parked.of_user(owner), by)
        await self._scheduler.end_user(owner, by)
        self._requests.forget_owner(owner)

    async def delete_user(self, owner: str, by: str) -> list[str]:
        """End all runs of one user and delete all threads; their ids."""
        deleted = await until_found(partial(self._delete_user, owner, by))
        self._forget(deleted)
        return deleted

    async def _delete_user(self, owner: str, by: str) -> list[str] | None:
        await self.end_user(owner, by)
        try:
            return await self._parts.log.delete_owner(owner)
        except HeldElsewhere:
            return None

    async def delete_thread(self, owner: str, thread_id: str) -> None:
        """Stop a thread's runs and delete it. Raises ``NotFound``."""
        await until_found(partial(self._delete_thread, owner, thread_id))

    async def _delete_thread(self, owner: str, thread_id: str) -> bool | None:
        try:
            await self.delete_thread_here(owner, thread_id)
        except HeldElsewhere as other:
            assert self._peers is not None
            if not await self._peers.delete_thread(other.process_id, owner, thread_id):
                return None
            self._parts.log.forget(thread_id)
        return True

    async def delete_thread_here(self, owner: str, thread_id: str) -> None:
        """As ``delete_thread``; raises ``HeldElsewhere`` if another process is to do it."""
        await self._recovery.resumed(thread_id)
        head = await self._parts.conversations.owned_thread(owner, thread_id)
        await self._waking.stopped(self._scheduler.parked.of_thread(head), "user")
        await self._scheduler.end_thread(head, "user")
        await self._parts.log.delete_thread(head)
        self._forget([thread_id])

    def _forget(self, thread_ids: Sequence[str]) -> None:
        if self._peers is not None:
            self._peers.forget(thread_ids)

    # --- holders ----------------------------------------------------------------------------------------------------

    async def _holder(self, owner: str, run_id: str) -> str | None:
        """The other process that holds this run. A run that nobody holds is taken over, if there is room."""
        holder = (await self._parts.log.holders(owner)).get(run_id)
        if holder is None and self._scheduler.get(run_id) is None:
            await self._recovery.take_over()
        return holder

    async def _holders(self, owner: str) -> list[str]:
        return sorted(set((await self._parts.log.holders(owner)).values()))
