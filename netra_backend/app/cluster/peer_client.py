"""What this process asks and tells the other processes of its server, and what it makes of their answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from ..core.errors import NetraError
from ..core.frames import ExecuteAgent
from ..core.identity import RevokedToken
from ..core.peer_messages import (
    AnyAnswer,
    Command,
    DeleteThread,
    EndUser,
    Forget,
    ListApprovals,
    ListQuestions,
    PeerAnswer,
    PeerCancel,
    PeerExecute,
    PeerRefused,
    PeerResolve,
    Revoked,
    Taken,
    TokenRevoked,
    Waiting,
    WaitingQuestion,
    WaitingQuestions,
    Work,
    decode_answer,
    encode,
)
from ..core.questions import Said, is_approval
from ..ports import Fleet, Requester
from ..runs.requester import RemoteRequester

_LOG: Final = logging.getLogger("netra.fleet")
HoldDelivery = Callable[[str, str], AbstractAsyncContextManager[None]]


class PeerClient:
    """``ports.Peers`` over a ``Fleet``.

    ``hold_delivery(owner, thread_id)`` is a context within which no event of that thread is delivered here: a request is
    answered before its events are delivered, whichever of the two comes first.
    """

    def __init__(self, fleet: Fleet, hold_delivery: HoldDelivery = lambda *_: nullcontext()) -> None:
        self._fleet = fleet
        self._hold_delivery = hold_delivery
        self.have_others = False

    async def poll(self) -> None:
        """Learn whether there are others. Called from time to time."""
        self.have_others = any(each != self._fleet.process_id for each in await self._fleet.processes())

    async def start(self, process_id: str, requester: Requester, frame: ExecuteAgent, thread_id: str) -> bool:
        """Have a request taken by the process that holds its thread. What a client claims in it stays behind."""
        if isinstance(requester, RemoteRequester):  # who asked us is to look again
            requester.send_away()
            return True
        owner = requester.user_id
        command = PeerExecute.of(owner, requester.scopes, frame, thread_id, requester.plan)
        async with self._hold_delivery(owner, thread_id):
            answer = await self._ask(process_id, command)
            if isinstance(answer, Taken) and answer.accepted is not None:
                requester.say(answer.accepted)
        return isinstance(answer, Taken)

    async def cancel(self, process_id: str, owner: str, run_id: str) -> bool:
        """Have a run stopped."""
        return isinstance(await self._ask(process_id, PeerCancel(owner, run_id)), Taken)

    async def answer(self, process_id: str, owner: str, said: Said, key: str | None, by: str) -> bool:
        """Have the user's answer heard; stored on return. A plain decision is said as processes of 0.1.0 understand it."""
        answer = said.answer
        is_plain = is_approval(said.question_id) and answer in ({"decision": "approve"}, {"decision": "deny"})
        command: Command = (
            PeerResolve(owner, said.question_id, answer["decision"], said.arguments_hash, key, by)
            if is_plain
            else PeerAnswer.of(owner, said, key, by)
        )
        return isinstance(await self._ask(process_id, command), Taken)

    async def questions(self, process_id: str, owner: str) -> Sequence[WaitingQuestion]:
        """The questions that wait there; none where no answer comes. A process of 0.1.0 knows approvals alone."""
        try:
            answer = await self._ask(process_id, ListQuestions(owner, version=3))
        except NetraError:
            try:
                answer = await self._ask(process_id, ListApprovals(owner))
            except NetraError:
                _LOG.warning("questions of another process are missing", extra={"process_id": process_id})
                return ()
        if isinstance(answer, Waiting):
            return tuple(map(WaitingQuestion.about, answer.calls))
        return answer.list() if isinstance(answer, WaitingQuestions) else ()

    async def end_user(self, process_id: str, owner: str, by: str) -> None:
        """Have the user's runs ended."""
        await self._ask(process_id, EndUser(owner, by))

    async def delete_thread(self, process_id: str, owner: str, thread_id: str) -> bool:
        """Have a thread deleted."""
        return isinstance(await self._ask(process_id, DeleteThread(owner, thread_id)), Taken)

    def forget(self, thread_ids: Sequence[str]) -> None:
        """Tell all that what they have of these threads in memory is old."""
        if thread_ids:
            self._fleet.broadcast(encode(Forget(tuple(thread_ids))))

    def offer_work(self) -> None:
        """Tell all that there are runs that nobody holds."""
        self._fleet.broadcast(encode(Work()))

    def revoked(self, user_id: str, until_ms: int) -> None:
        """Tell all of a revocation, which is stored."""
        self._fleet.broadcast(encode(Revoked(user_id, until_ms)))

    def token_revoked(self, revoked: RevokedToken) -> None:
        """Tell all that one sign-in was revoked, which is stored."""
        self._fleet.broadcast(encode(TokenRevoked.of(revoked)))

    async def _ask(self, process_id: str, command: Command) -> AnyAnswer:
        answer = decode_answer(await self._fleet.ask(process_id, encode(command)))
        if isinstance(answer, PeerRefused):
            raise answer.as_error()
        return answer
