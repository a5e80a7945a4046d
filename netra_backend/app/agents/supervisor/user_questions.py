"""What a run asks its user: recorded when it is asked and when it is answered, and waited for without a limit of the run's own
time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, NoReturn

import msgspec

from ...core.asks import Question
from ...core.blobs import EXACT, Blob
from ...core.errors import ToolError
from ...core.events import Event, QuestionAnswered, QuestionAsked
from ...core.journal import Recorded, Unknown
from ...core.limits import LIMIT_RANGES
from ...core.peer_messages import WaitingQuestion
from ...core.questions import AGENT, EXPIRY, question_id_of
from ...services.answer_schemas import AnswerSchema
from ...services.questions import OpenQuestion, Word
from ...services.redaction import result_redaction
from ...services.user_execution_context import UserExecutionContext
from .run_recorder import RunRecorder, until_cancelled

LONGEST_S: Final = LIMIT_RANGES["approval_s"].high


class UserQuestions:
    """Asks the user of ``context``, on behalf of the step ``parent_call_id``, if another agent asked this one."""

    __slots__ = ("_context", "_parent", "_recorder")

    def __init__(self, recorder: RunRecorder, context: UserExecutionContext, parent_call_id: str) -> None:
        self._recorder = recorder
        self._context = context
        self._parent = parent_call_id

    async def ask(self, key: str, text: str, schema: AnswerSchema, timeout_s: float | None) -> Any:
        """The user's answer. Raises ``ToolError`` (``QUESTION_EXPIRED``) if there is none in time."""
        recorder, shape = self._recorder, schema.schema
        answer = recorder.next(key, Question(text, shape))
        if type(answer) is Recorded:
            assert answer.answered is not None
            if answer.cancelled:
                await until_cancelled()
            return await self._recorded(answer.answered)
        asked = answer.question if type(answer) is Unknown else None
        if asked is not None:
            question_id, expires_at = asked.question_id, asked.expires_at
            text, shape = asked.text, asked.schema  # as they were shown, without what was hidden then
        else:
            await recorder.services.questions.turn(self._context.run_id)
            question_id = question_id_of(self._context.run_id, answer.call_id)
            wait_ms = recorder.services.approval_ms if timeout_s is None else round(timeout_s * 1000)
            expires_at = recorder.services.clock.now_ms() + wait_ms
            recorder.emit(QuestionAsked, question_id, text, expires_at, answer.call_id, key, shape, self._parent)
        context, hidden = self._context, recorder.hidden
        told = WaitingQuestion(  # what waits is listed, too, without its event
            question_id, context.thread_id, context.run_id, hidden.text(text), hidden.plain(shape), expires_at
        )
        question = OpenQuestion(context.user_id, told, partial(schema.judge, hide=hidden.text))
        word, exact, shown = await answered(
            recorder, question, lambda: recorder.emit(QuestionAnswered, question_id, AGENT)
        )
        if word.answer is None:
            recorder.emit(QuestionAnswered, question_id, word.by)
            _expired()
        record(recorder, word, QuestionAnswered, question_id, word.by, shown, is_exact=shown is exact)
        return exact

    async def _recorded(self, event: QuestionAnswered) -> Any:
        if event.by == EXPIRY:
            _expired()
        named = event.recorded
        return event.answer if named is None else msgspec.json.decode(await self._recorder.emitter.blob(named.ref))


async def answered(
    recorder: RunRecorder, question: OpenQuestion, gave_up: Callable[[], object]
) -> tuple[Word, Any, Any]:
    """Wait for the end of a question: what ended it, the answer as the agent gets it, and as it is shown, the same object unless
    it has secrets. Of secrets that the run was given it has none either way. ``gave_up`` records that the agent does not wait
    any more, which it does on every replay."""
    recorder.suspend("waiting")
    services = recorder.services
    try:
        word = await services.questions.wait(question, services.clock.now_ms())
        raw = word.answer
        if raw is None:
            return word, None, None
        if recorder.hidden:
            raw = recorder.hidden.encoded(raw)
        exact = msgspec.json.decode(raw)
        return replace(word, answer=raw), exact, await services.long_work.finish(result_redaction(exact))
    except BaseException as fault:
        services.questions.void(question.told.question_id)  # an answer that came, and that nobody waits for any more
        if isinstance(fault, asyncio.CancelledError) and not recorder.stopping and not recorder.emitter.is_closed:
            gave_up()
        raise


def record(
    recorder: RunRecorder,
    word: Word,
    event: type[Event],
    question_id: str,
    *own: Any,
    is_exact: bool,
    **named: Any,
) -> None:
    """Record an answer as it is shown, with its exact bytes beside it unless they are the same. Raises as
    ``UserEventEmitter.emit``; the answer counts for nothing then."""
    assert word.answer is not None
    blobs = () if is_exact else (Blob.of(word.answer, EXACT),)
    recorded = blobs[0].named if blobs else None
    try:
        recorder.emit(event, question_id, *own, recorded=recorded, on_commit=word.recorded, blobs=blobs, **named)
    except Exception:
        recorder.services.questions.void(question_id)
        raise


def _expired() -> NoReturn:
    raise ToolError(
        "QUESTION_EXPIRED",
        "The user did not answer the question in time.",
        "Go on without the answer, or ask again later.",
    )
