"""What other processes ask of this one: carried out as the request of a connection here is, for the owner it names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ..core.errors import DependencyUnavailable, NetraError
from ..core.frames import CancelRun, ResolveApproval
from ..core.history import HeldElsewhere
from ..core.limits import USUAL
from ..core.peer_messages import (
    AnyAnswer,
    AnyCommand,
    DeleteThread,
    EndUser,
    Forget,
    ListApprovals,
    ListQuestions,
    NotHere,
    PeerAnswer,
    PeerCancel,
    PeerExecute,
    PeerRefused,
    PeerResolve,
    Revoked,
    Taken,
    TokenRevoked,
    Waiting,
    WaitingQuestions,
    Work,
    decode_command,
    encode,
)
from ..ports import EventLog
from ..runs.requester import RemoteRequester
from ..runs.service import RunService
from ..services.revocations import Revocations

_LOG: Final = logging.getLogger("netra.fleet")


class PeerCommandHandler:
    """``Fleet.serve(handler.answer, handler.on_message)``. ``work`` is called where runs are offered. What is asked may
    take ``within_s``: who asks does not wait longer."""

    def __init__(
        self,
        runs: RunService,
        log: EventLog,
        revocations: Revocations,
        work: Callable[[], None],
        *,
        within_s: float = USUAL.peer_s,
    ) -> None:
        self._runs = runs
        self._log = log
        self._revocations = revocations
        self._work = work
        self._within_s = within_s

    async def answer(self, raw: bytes) -> bytes:
        """The answer to what is asked; a refusal is one too. Never raises."""
        try:
            async with asyncio.timeout(self._within_s):
                answer = await self._carry_out(decode_command(raw))
        except NetraError as error:
            answer = PeerRefused.of(error)
        except HeldElsewhere:
            answer = NotHere()
        except TimeoutError:
            answer = PeerRefused.of(
                DependencyUnavailable("Another process of this server did not answer in time.", retry_after_ms=1000)
            )
        except Exception:
            _LOG.exception("a command from another process failed")
            answer = PeerRefused.of(
                DependencyUnavailable("Another process of this server could not do it.", retry_after_ms=1000)
            )
        return encode(answer)

    async def _carry_out(self, command: AnyCommand) -> AnyAnswer:
        if isinstance(command, PeerExecute):
            return await self._execute(command)
        if isinstance(command, PeerCancel):
            return await self._cancel(command)
        if isinstance(command, PeerResolve):
            return await self._resolve(command)
        if isinstance(command, PeerAnswer):
            return await self._answer(command)
        if isinstance(command, ListApprovals):
            asked = self._runs.commands.questions_here(command.owner)
            return Waiting(tuple(each.approval for each in asked if each.approval is not None))
        if isinstance(command, ListQuestions):
            return WaitingQuestions.of(self._runs.commands.questions_here(command.owner))
        if isinstance(command, EndUser):
            await self._runs.commands.end_user_here(command.owner, command.by)
        elif isinstance(command, DeleteThread):
            await self._runs.commands.delete_thread_here(command.owner, command.thread_id)
        else:
            self._take_note(command)
        return Taken()

    async def _execute(self, command: PeerExecute) -> AnyAnswer:
        requester = RemoteRequester(command.owner, command.scopes, command.plan)
        await self._runs.start(requester, command.frame())
        return await requester.answer

    async def _cancel(self, command: PeerCancel) -> AnyAnswer:
        if not self._runs.commands.is_here(command.owner, command.run_id):
            return NotHere()
        requester = RemoteRequester(command.owner)
        await self._runs.commands.cancel(requester, CancelRun(command.run_id))
        return await requester.answer

    async def _resolve(self, command: PeerResolve) -> AnyAnswer:
        if not self._runs.commands.asks_here(command.owner, command.approval_id):
            return NotHere()
        requester = RemoteRequester(command.owner)
        word = ResolveApproval(command.approval_id, command.decision, command.arguments_hash, command.key)
        await self._runs.commands.resolve(requester, word, by=command.by)
        return await requester.answer

    async def _answer(self, command: PeerAnswer) -> AnyAnswer:
        if not self._runs.commands.asks_here(command.owner, command.question_id):
            return NotHere()
        requester = RemoteRequester(command.owner)
        await self._runs.commands.answer(requester, command.frame(), by=command.by)
        return await requester.answer

    def on_message(self, raw: bytes) -> None:
        """Take note of what is told to all. What is not understood (its sender may be newer) is left out."""
        try:
            self._take_note(decode_command(raw))
        except NetraError:
            _LOG.warning("a message from another process was not understood")

    def _take_note(self, command: AnyCommand) -> None:
        if isinstance(command, Work):
            self._work()
        elif isinstance(command, Forget):
            for thread_id in command.thread_ids:
                self._log.forget(thread_id)
        elif isinstance(command, Revoked):
            self._revocations.learn(command.owner, command.until_ms)
        elif isinstance(command, TokenRevoked):
            self._revocations.learn_tokens((command.revoked(),))
