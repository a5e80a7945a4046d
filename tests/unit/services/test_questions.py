"""A question that waits for its user: the first answer that fits counts, in time; an approval's about these very arguments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from netra_backend.app.core import question_points
from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.errors import DependencyUnavailable, FrameRefused, NotFound
from netra_backend.app.core.events import (
    AgentThinking,
    ApprovalRequested,
    ApprovalResolved,
    Event,
    QuestionAnswered,
    QuestionAsked,
    decode_event,
    encode_event,
)
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.peer_messages import WaitingCall, WaitingQuestion
from netra_backend.app.core.questions import Said, approval_id_of, question_id_of
from netra_backend.app.services.questions import OpenQuestion, OpenQuestions, Word, hash_arguments, in_the_log
from test_framework.clock import ManualClock
from test_framework.log_story import LogStory
from test_framework.memory.event_log import MemoryEventLog
from test_framework.memory.store import MemoryStore

HASH = hash_arguments("pay", {"amount": 7})
Told = list[DependencyUnavailable | None]


def judged(answer: Any) -> bytes:
    if answer == "wrong":
        raise FrameRefused("No.", kind="invalid_answer", point=question_points.ANSWER_SCHEMA)
    return msgspec.json.encode(answer)


def question(
    number: int = 1, owner: str = "user_ada", expires_at: int = 10_000_000, run: str = "run_1"
) -> OpenQuestion:
    told = WaitingQuestion(question_id_of(run, f"{run}:{number}"), "thr_1", run, "Which?", None, expires_at)
    return OpenQuestion(owner, told, judged)


def approval(number: int = 1, expires_at: int = 10_000_000) -> OpenQuestion:
    call = WaitingCall(f"apr_run_1.{number}", "thr_1", "run_1", "pay", {"amount": 7}, HASH, expires_at)
    return OpenQuestion("user_ada", WaitingQuestion.about(call), judged)


def said(asked: OpenQuestion, answer: Any = "blue", arguments_hash: Any = None) -> Said:
    return Said(asked.told.question_id, answer, arguments_hash)


async def waiting(questions: OpenQuestions, asked: OpenQuestion, now_ms: int = 0) -> asyncio.Task[Word]:
    task = asyncio.create_task(questions.wait(asked, now_ms))
    await asyncio.sleep(0)
    return task


def stored(word: Word) -> None:
    assert word.recorded is not None
    word.recorded()


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def questions() -> OpenQuestions:
    return OpenQuestions()


async def test_the_answer_reaches_the_question_that_waits(questions: OpenQuestions, told: Told) -> None:
    asked = question()
    task = await waiting(questions, asked)
    assert questions.of("user_ada") == [asked]
    assert questions.waiting_runs() == {"run_1"}
    questions.answer("user_ada", said(asked), "conn_1", told.append)
    word = await task
    assert (word.answer, word.by, told) == (b'"blue"', "conn_1", [])
    stored(word)
    assert told == [None]
    assert questions.of("user_ada") == []
    assert questions.waiting_runs() == set()


@pytest.mark.validation_point("question.open")
@pytest.mark.parametrize(
    "wrong", [{"owner": "user_bob"}, {"question_id": "apr_run_1.2"}, {"arguments_hash": "0" * 64}], ids=str
)
async def test_an_answer_that_is_not_meant_for_it_is_refused_and_the_question_stays_open(
    questions: OpenQuestions, wrong: dict[str, Any], told: Told
) -> None:
    asked = approval()
    task = await waiting(questions, asked)
    given = {"owner": "user_ada", "question_id": "apr_run_1.1", "arguments_hash": HASH} | wrong
    seen = ""
    try:
        questions.answer(given.pop("owner"), Said(answer="x", field="approval_id", **given), "conn_1", told.append)
    except (NotFound, AttributeError) as refusal:
        seen = str(refusal)
    assert seen == "There is no such pending approval."
    assert not task.done()
    task.cancel()


async def test_a_hash_of_arguments_belongs_to_approvals_alone(questions: OpenQuestions, told: Told) -> None:
    asked = question()
    task = await waiting(questions, asked)
    with pytest.raises(NotFound, match="no such open question"):
        questions.answer("user_ada", said(asked, arguments_hash=HASH), "conn_1", told.append)
    task.cancel()


async def test_an_answer_that_does_not_fit_leaves_the_question_open(questions: OpenQuestions, told: Told) -> None:
    asked = question()
    task = await waiting(questions, asked)
    with pytest.raises(FrameRefused):
        questions.answer("user_ada", said(asked, "wrong"), "conn_1", told.append)
    questions.answer("user_ada", said(asked, "right"), "conn_2", told.append)
    assert (await task).answer == b'"right"'


@pytest.mark.validation_point("question.open")
async def test_the_first_answer_counts(questions: OpenQuestions, told: Told) -> None:
    asked = question()
    task = await waiting(questions, asked)
    questions.answer("user_ada", said(asked), "conn_1", told.append)
    seen = ""
    try:
        questions.answer("user_ada", said(asked, "red"), "conn_2", told.append)
    except (NotFound, asyncio.InvalidStateError) as refusal:
        seen = type(refusal).__name__
    assert seen == "NotFound"
    assert (await task).answer == b'"blue"'


async def test_a_question_whose_time_is_over_has_expired(questions: OpenQuestions) -> None:
    assert await questions.wait(question(expires_at=500), 500) == Word("expiry")


async def test_an_answer_in_the_moment_of_expiry_counts(questions: OpenQuestions) -> None:
    asked = question(expires_at=500)
    asked.word.set_result(Word("conn_1", b"1"))
    assert (await questions.wait(asked, 500)).answer == b"1"


async def test_a_question_that_is_cancelled_waits_no_more_and_an_answer_of_that_moment_can_be_told_to_be_void(
    questions: OpenQuestions, told: Told
) -> None:
    asked = question()
    task = await waiting(questions, asked)
    task.cancel()
    questions.answer("user_ada", said(asked), "conn_1", told.append)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert questions.of("user_ada") == []
    for _ in range(2):
        questions.void(asked.told.question_id)
    assert [type(each) for each in told] == [DependencyUnavailable]
    assert not questions.knows(asked.told.question_id)


async def test_questions_are_listed_to_their_owner_oldest_first(questions: OpenQuestions) -> None:
    asked = [question(1), question(2, "user_bob", run="run_2"), question(3)]
    tasks = [await waiting(questions, each) for each in asked]
    assert questions.of("user_ada") == [asked[0], asked[2]]
    for task in tasks:
        task.cancel()


def test_a_hash_is_of_the_tool_and_of_its_arguments_whatever_their_order() -> None:
    one = hash_arguments("pay", {"a": 1, "b": [2, 3]})
    assert one == hash_arguments("pay", {"b": [2, 3], "a": 1})
    assert len({one, hash_arguments("get", {"a": 1, "b": [2, 3]}), hash_arguments("pay", {"a": 1, "b": [3, 2]})}) == 3


def test_half_a_character_counts_as_the_event_shows_it() -> None:
    assert hash_arguments("pay", {"to": "\ud83d"}) == hash_arguments("pay", {"to": "\ufffd"})


async def test_the_same_answer_again_is_answered_when_it_is_recorded_and_another_one_is_refused(
    questions: OpenQuestions,
) -> None:
    asked, told = approval(), list[str]()
    task = await waiting(questions, asked)
    yes = {"decision": "approve"}
    questions.answer("user_ada", said(asked, yes, HASH), "c", lambda _: told.append("first"))
    questions.answer("user_ada", said(asked, yes), "c", lambda _: told.append("second"))
    for owner, answer, shown in (
        ("user_ada", {"decision": "deny"}, HASH),
        ("user_bob", yes, HASH),
        ("user_ada", yes, "0" * 64),
    ):
        with pytest.raises(NotFound):
            questions.answer(owner, said(asked, answer, shown), "c", lambda _: told.append("never"))
    word = await task
    assert told == []
    stored(word)
    questions.answer("user_ada", said(asked, yes, HASH), "c", lambda _: told.append("third"))
    assert told == ["first", "second", "third"]
    assert questions.knows("apr_run_1.1")
    assert not questions.knows("apr_run_1.2")


async def test_an_answer_that_was_not_recorded_is_told_to_be_void_when_its_run_asks_again(
    questions: OpenQuestions, told: Told
) -> None:
    asked = question()
    task = await waiting(questions, asked)
    questions.answer("user_ada", said(asked), "c", told.append)
    await task
    again = await waiting(questions, question())
    assert [type(each) for each in told] == [DependencyUnavailable]
    questions.answer("user_ada", said(asked, "red"), "c", told.append)
    word = await again
    stored(word)
    assert (word.answer, told[1:]) == (b'"red"', [None])


async def test_what_was_answered_about_a_run_that_goes_on_elsewhere_counts_for_nothing_here(
    questions: OpenQuestions, told: Told
) -> None:
    asked = [question(run=run) for run in ("run_1", "run_2")]
    for each in asked:
        task = await waiting(questions, each)
        questions.answer("user_ada", said(each), "c", told.append)
        await task
    questions.forget("run_1")
    assert [questions.knows(each.told.question_id) for each in asked] == [False, True]
    assert [type(each) for each in told] == [DependencyUnavailable]


async def test_what_a_run_that_is_over_left_behind_waits_no_more(told: Told) -> None:
    questions = OpenQuestions(Limits(run_questions=1))
    asked, others = question(), question(run="run_2")
    tasks = [await waiting(questions, asked), await waiting(questions, others)]
    turn = asyncio.create_task(questions.turn("run_1"))
    await asyncio.sleep(0)
    questions.close("run_1")
    await asyncio.wait([tasks[0], turn], timeout=20)
    assert (tasks[0].cancelled(), turn.cancelled()) == (True, True)
    assert questions.of("user_ada") == [others]
    assert not tasks[1].done()
    tasks[1].cancel()


async def test_a_run_asks_so_many_questions_at_once_and_the_others_in_their_turn() -> None:
    questions = OpenQuestions(Limits(run_questions=2))
    first, second = [await waiting(questions, question(number)) for number in (1, 2)]
    turns = [asyncio.create_task(questions.turn("run_1")) for _ in range(2)]
    await questions.turn("run_2")
    await asyncio.sleep(0)
    assert not any(turn.done() for turn in turns)
    turns[0].cancel()
    second.cancel()
    await asyncio.wait([turns[1]], timeout=20)
    assert turns[1].done()
    first.cancel()


@pytest.mark.parametrize("how", ["cancelled before it", "cancelled after it", "does not ask"])
async def test_a_turn_that_is_not_used_is_the_next_ones(how: str) -> None:
    questions = OpenQuestions(Limits(run_questions=1))

    async def ends() -> None:
        try:
            await questions.wait(question(), 0)
        finally:
            if how == "cancelled after it":
                turns[0].cancel()

    first = asyncio.create_task(ends())
    await asyncio.sleep(0)
    turns = [asyncio.create_task(questions.turn("run_1")) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    if how == "cancelled before it":
        turns[0].cancel()
        turns[1].cancel()
    done, _ = await asyncio.wait([first, *turns], timeout=20)
    assert len(done) == 4
    assert not turns[2].cancelled()


async def test_a_turn_waits_while_those_before_it_ask() -> None:
    questions = OpenQuestions(Limits(run_questions=1))

    async def asks(number: int) -> None:
        await questions.turn("run_1")
        await questions.wait(question(number), 0)

    tasks = [asyncio.create_task(asks(number)) for number in range(4)]
    for number in range(4):
        for _ in range(10):
            await asyncio.sleep(0)
        assert [each.told.question_id for each in questions.of("user_ada")] == [question(number).told.question_id]
        tasks[number].cancel()


async def test_an_answer_that_no_task_has_taken_when_its_run_is_over_counts_for_nothing(
    questions: OpenQuestions, told: Told
) -> None:
    asked = question()
    task = await waiting(questions, asked)
    questions.answer("user_ada", said(asked), "conn_1", told.append)
    questions.close("run_1")
    assert [type(each) for each in told] == [DependencyUnavailable]
    assert not questions.knows(asked.told.question_id)
    await task


def requested(approval_id: str, arguments_hash: str, seq: int = 1) -> ApprovalRequested:
    return ApprovalRequested(
        "thr_1",
        "run_1",
        seq,
        0,
        approval_id=approval_id,
        call_id="call_1",
        tool="pay",
        arguments={},
        arguments_hash=arguments_hash,
        expires_at=9,
    )


async def logged(make: Callable[[str], list[Event]], *, ended: bool = False, blobs: tuple[Blob, ...] = ()) -> Any:
    """A log with the events that ``make`` gives for a run, and that run's id."""
    story = LogStory()
    log = MemoryEventLog(MemoryStore(), ManualClock(), asyncio.get_running_loop(), story.publish, story.failures.append)
    story.tell(log)
    run = story.run(story.thread())
    events = make(run.run_id)
    for event in events:
        last = event is events[-1]
        log.append(run, encode_event(event), ends=ended and last, blobs=blobs if last else ())
    await log.durable(run)
    return log, run.run_id


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("decided", [None, "approve", "deny"])
async def test_the_log_tells_what_was_decided(decided: str | None, ended: bool) -> None:
    def events(run_id: str) -> list[Event]:
        ours = approval_id_of(run_id, "call_1")
        asked: list[Event] = [requested(ours, "h"), requested("apr_of_another_call", "other", 2)]
        word = ApprovalResolved("thr_1", "run_1", 3, 0, approval_id=ours, decision=decided or "", by="c")
        return asked if decided is None else [*asked, word]

    log, run_id = await logged(events, ended=ended)
    ours = approval_id_of(run_id, "call_1")
    still_open = ("unknown" if ended else "open", "h")
    for decision in ("approve", "deny"):
        wanted = still_open if decided is None else ("decided" if decision == decided else "unknown", "h")
        for shown in ("h", None):
            assert await in_the_log(log, "user_ada", Said(ours, {"decision": decision}, shown)) == wanted
        nothing = ("unknown", None)
        assert await in_the_log(log, "user_ada", Said(ours, {"decision": decision}, "other")) == nothing
        assert await in_the_log(log, "user_bob", Said(ours, {"decision": decision}, "h")) == nothing
    assert await in_the_log(log, "user_ada", Said("apr_unknown", {"decision": "approve"})) == ("unknown", None)


async def test_the_log_tells_what_was_answered_by_its_exact_bytes() -> None:
    exact = Blob.of(b'{"key":"sk-secret"}', "application/json")
    log, run_id = await logged(
        lambda run_id: [
            QuestionAsked("thr_1", "run_1", 1, 0, f"qst_{run_id}.1", "Which?", 9, "run_1:1", "ask#1"),
            QuestionAsked("thr_1", "run_1", 2, 0, "qst_of_another", "Which?", 9, "run_1:2", "ask#2"),
            QuestionAnswered("thr_1", "run_1", 3, 0, "qst_of_another", "c", 1),
            QuestionAnswered("thr_1", "run_1", 4, 0, f"qst_{run_id}.1", "c", {"key": "***"}, exact.named),
        ],
        blobs=(exact,),
    )
    ours = question_id_of(run_id, "1")
    for answer, wanted in (({"key": "sk-secret"}, "decided"), ({"key": "***"}, "unknown")):
        assert await in_the_log(log, "user_ada", Said(ours, answer)) == (wanted, None)


@pytest.mark.parametrize("by", ["expiry", "agent"])
async def test_a_question_that_nobody_answered_was_not_answered_with_null(by: str) -> None:
    log, run_id = await logged(
        lambda run_id: [
            QuestionAsked("thr_1", "run_1", 1, 0, f"qst_{run_id}.1", "Which?", 9, "run_1:1", "ask#1"),
            QuestionAnswered("thr_1", "run_1", 2, 0, f"qst_{run_id}.1", by),
        ]
    )
    assert await in_the_log(log, "user_ada", Said(question_id_of(run_id, "1"), None)) == ("unknown", None)


async def test_of_a_long_run_only_what_is_about_the_question_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    log, run_id = await logged(
        lambda run_id: [
            *(AgentThinking("thr_1", "run_1", seq, 0, f"thought {seq}") for seq in range(1, 900)),
            QuestionAsked("thr_1", "run_1", 900, 0, f"qst_{run_id}.1", "Which?", 9, "run_1:1", "ask#1"),
        ]
    )
    decoded: list[bytes] = []

    def decode(frame: bytes) -> Event:
        decoded.append(frame)
        return decode_event(frame)

    monkeypatch.setattr("netra_backend.app.services.questions.decode_event", decode)
    assert await in_the_log(log, "user_ada", Said(question_id_of(run_id, "1"), 1)) == ("open", None)
    assert len(decoded) == 1
    assert await in_the_log(log, "user_ada", Said(question_id_of(run_id, "99"), 1)) == ("unknown", None)
    assert len(decoded) == 1
