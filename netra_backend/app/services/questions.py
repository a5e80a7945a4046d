"""Questions that wait for their user, approvals among them. The first answer counts, whichever device gives it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from ..core import question_points
from ..core.errors import DependencyUnavailable, NotFound
from ..core.events import ApprovalRequested, ApprovalResolved, QuestionAnswered, QuestionAsked, decode_event
from ..core.limits import USUAL, Limits
from ..core.peer_messages import WaitingQuestion
from ..core.questions import AGENT, EXPIRY, Said, answer_shown, question_in, run_id_of
from ..core.recent import Recent
from ..core.repaired_text import repaired
from ..ports import EventLog

_MAX_WORDS: Final = 20_000
_NOBODY: Final = (EXPIRY, AGENT)


def hash_arguments(tool: str, arguments: Mapping[str, Any]) -> str:
    """What a decision is bound to: sha256 over the tool's name and its canonical JSON arguments."""
    try:
        canonical = msgspec.json.encode((tool, arguments), order="sorted")
    except UnicodeEncodeError:  # as the event that asks shows them
        canonical = msgspec.json.encode((tool, repaired(arguments)), order="sorted")
    return hashlib.sha256(canonical).hexdigest()


@dataclass(frozen=True, slots=True)
class Word:
    """What ended a question: the exact answer as JSON of the connection ``by``, or none. ``recorded`` is to be called once it is
    committed."""

    by: str
    answer: bytes | None = None
    recorded: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OpenQuestion:
    """One question that waits: as its user sees it, and what judges an answer: it gives its exact JSON, or raises what refuses
    it."""

    owner: str
    told: WaitingQuestion
    judge: Callable[[Any], bytes]
    word: asyncio.Future[Word] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def is_asked(self, owner: str, arguments_hash: object) -> bool:
        """Whether an answer of this owner, about arguments of this hash if there is one, may be meant for it."""
        call = self.told.approval
        is_shown = arguments_hash is None or (call is not None and call.arguments_hash == arguments_hash)
        return self.owner == owner and is_shown and not self.word.done()


Stored = Callable[[DependencyUnavailable | None], None]
"""Told once whether an answer was committed: ``None``, or why it counts for nothing."""


class _Answered:
    """An answer that was given here, and who waits for its being stored."""

    __slots__ = ("_arguments_hash", "_owner", "_said", "_waiting")

    def __init__(self, owner: str, said: Said, arguments_hash: str | None) -> None:
        self._owner = owner
        self._said = said
        self._arguments_hash = arguments_hash
        self._waiting: list[Stored] | None = []

    def is_same(self, owner: str, said: Said) -> bool:
        is_shown = said.arguments_hash in (None, self._arguments_hash)
        return self._owner == owner and is_shown and self._said.is_same(said.answer)

    def when_stored(self, call: Stored) -> None:
        if self._waiting is None:
            call(None)
        else:
            self._waiting.append(call)

    def recorded(self, fault: DependencyUnavailable | None = None) -> None:
        waiting, self._waiting = self._waiting or (), None
        for call in waiting:
            call(fault)


class OpenQuestions:
    """The questions of this process that wait, bounded by the number of runs and by that of each run's, and the answers that were
    given lately."""

    def __init__(self, limits: Limits = USUAL) -> None:
        self.limits = limits
        self._of_run: dict[str, dict[str, OpenQuestion]] = {}
        self._turns: dict[str, deque[asyncio.Future[None]]] = {}
        self._answers: Recent[str, _Answered] = Recent(_MAX_WORDS)

    async def turn(self, run_id: str) -> None:
        """Wait until the run may ask one more question: on return it may, until the next ``await``. If it does not, or if the
        caller is cancelled, the next one may."""
        while len(self._of_run.get(run_id, ())) >= self.limits.run_questions:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            turns = self._turns.setdefault(run_id, deque())
            turns.append(turn)
            try:
                await turn
            finally:
                if turn in turns:
                    turns.remove(turn)
                if not turns:
                    self._turns.pop(run_id, None)
                else:
                    turn.get_loop().call_soon(self._next_turn, run_id)

    async def wait(self, question: OpenQuestion, now_ms: int) -> Word:
        """The first answer that fits, or that of nobody in time. An answer that was taken counts, even in the moment of
        expiry."""
        told = question.told
        self.void(told.question_id)  # one that was given when this run was here before, and not stored
        self._of_run.setdefault(told.run_id, {})[told.question_id] = question
        try:
            async with asyncio.timeout(max(0.0, (told.expires_at - now_ms) / 1000)):
                return await asyncio.shield(question.word)
        except TimeoutError:
            return question.word.result() if question.word.done() else Word(EXPIRY)
        finally:
            self._over(question)

    def _over(self, question: OpenQuestion) -> None:
        run_id = question.told.run_id
        of_run = self._of_run.get(run_id, {})
        if of_run.get(question.told.question_id) is question:
            del of_run[question.told.question_id]
            if not of_run:
                del self._of_run[run_id]
        self._next_turn(run_id)

    def _next_turn(self, run_id: str) -> None:
        turns = self._turns.get(run_id)
        while turns and len(self._of_run.get(run_id, ())) < self.limits.run_questions:
            turn = turns.popleft()
            if not turn.done():  # else it was cancelled
                turn.set_result(None)
                return

    def _find(self, question_id: str) -> OpenQuestion | None:
        return self._of_run.get(run_id_of(question_id), {}).get(question_id)

    def void(self, question_id: str) -> None:
        """The answer that was given lately, if any, counts for nothing unless it is stored by now."""
        answered = self._answers.get(question_id)
        if answered is not None:
            self._answers.drop(question_id)
            answered.recorded(_not_stored())

    def answer(self, owner: str, said: Said, by: str, stored: Stored) -> None:
        """Answer a question; repeating the same answer changes nothing. ``stored`` is called once that is known.

        Raises ``NotFound`` if the owner has no such open question (an approval: about those arguments), and what refuses an
        answer that does not fit; the question stays open then."""
        answered = self._answers.get(said.question_id)
        if answered is not None and answered.is_same(owner, said):
            answered.when_stored(stored)
            return
        question = self._find(said.question_id)
        if question is None or not question.is_asked(owner, said.arguments_hash):
            what = "pending approval" if said.field == "approval_id" else "open question"
            raise NotFound(
                f"There is no such {what}.",
                field=said.field,
                hint="It may have been decided on another device, or it may have expired.",
                point=question_points.QUESTION_OPEN,
            )
        exact = question.judge(said.answer)
        call = question.told.approval
        answered = _Answered(owner, said, None if call is None else call.arguments_hash)
        answered.when_stored(stored)
        self._answers.put(said.question_id, answered)
        question.word.set_result(Word(by, exact, answered.recorded))

    def knows(self, question_id: str) -> bool:
        """Whether it waits here, or was answered here lately."""
        return self._find(question_id) is not None or self._answers.get(question_id) is not None

    def forget(self, run_id: str) -> None:
        """Another process continues this run: answers given here that are not stored are void."""
        for answered in self._answers.drop_where(lambda question_id: run_id_of(question_id) == run_id):
            answered.recorded(_not_stored())

    def close(self, run_id: str) -> None:
        """The run is over here: what a task that it left behind still asks waits no more, and an answer that no task has taken
        counts for nothing."""
        for question in self._of_run.pop(run_id, {}).values():
            if not question.word.cancel():
                self.void(question.told.question_id)
        for turn in self._turns.pop(run_id, ()):
            turn.cancel()

    def waiting_runs(self) -> set[str]:
        """The runs that wait for their user."""
        return set(self._of_run)

    def of(self, owner: str) -> list[OpenQuestion]:
        """What waits for this owner's answer, those of a run oldest first."""
        return [each for of_run in self._of_run.values() for each in of_run.values() if each.owner == owner]


def _not_stored() -> DependencyUnavailable:
    return DependencyUnavailable("The answer may not have been stored.", retry_after_ms=1000)


async def in_the_log(log: EventLog, owner: str, said: Said) -> tuple[Literal["decided", "open", "unknown"], str | None]:
    """What the log says about a question: whether exactly this was answered, or nothing yet; and the hash of the arguments that
    were shown, if it is about a call. ``unknown`` is also what another answer, other arguments, an ended run and another user's
    question are."""
    run = await log.run(run_id_of(said.question_id))
    if run is None or run.owner != owner:
        return "unknown", None
    asked: ApprovalRequested | QuestionAsked | None = None
    answered: ApprovalResolved | QuestionAnswered | None = None
    about = msgspec.json.encode(
        said.question_id
    )  # as it stands in an event: a long run is not decoded for a few of them
    async for page in log.run_pages(run, about):
        for event in map(decode_event, page):
            if isinstance(event, ApprovalRequested | QuestionAsked) and question_in(event) == said.question_id:
                asked = event
            elif isinstance(event, ApprovalResolved | QuestionAnswered) and question_in(event) == said.question_id:
                answered = event
    shown = asked.arguments_hash if isinstance(asked, ApprovalRequested) else None
    if asked is None or said.arguments_hash not in (None, shown):
        return "unknown", None
    if answered is None:
        return ("unknown" if run.ended_seq else "open"), shown
    answer = answer_shown(answered)
    if answered.recorded is not None:
        exact = await log.blob(owner, run.thread_id, answered.recorded.ref)
        answer = None if exact is None else msgspec.json.decode(exact[0])
    is_same = answered.by not in _NOBODY and said.is_same(answer)
    return ("decided" if is_same else "unknown"), shown
