"""What an agent asks its user: answered once, the same after a crash, and given up where the agent gives it up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import NetraError, NotFound, ToolError
from netra_backend.app.core.events import AgentFailed, AnyEvent, QuestionAnswered, QuestionAsked
from netra_backend.app.core.frames import AnswerQuestion
from netra_backend.app.core.limits import Limits
from test_framework.counted_tool import Counter, adding, kinds, uninterrupted

COLOUR = {"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"]}
SECRET = "sk-" + "a1" * 12


def asking(workshop: Any, seen: list[Any] | None = None, **options: Any) -> None:
    """An agent that asks, and does something with the answer."""

    async def run(scope: Any) -> AgentResult:
        await scope.think("which?")
        try:
            answer = await scope.ask_user("Which colour?", **options)
        except ToolError as fault:
            answer = f"{fault.code} {fault.message} {fault.hint}"
        if seen is not None:
            seen.append(answer)
        await scope.use_tool("paint", amount=1)
        return AgentResult("", {"answer": answer})

    workshop.tool(adding(Counter(), "paint"))
    workshop.agent("golden", run, ["paint"])


async def asked(workshop: Any, user_id: str = "user_ada") -> tuple[Any, QuestionAsked]:
    client = workshop.connect(user_id)
    await workshop.ask(client, "golden")
    return client, await client.saw(QuestionAsked)


async def answer(workshop: Any, client: Any, question: QuestionAsked, said: Any, key: str = "word") -> None:
    await workshop.turns.commands.answer(client, AnswerQuestion(question.question_id, said, key))


def answers(events: list[AnyEvent]) -> list[QuestionAnswered]:
    return [event for event in events if isinstance(event, QuestionAnswered)]


async def test_an_agent_gets_the_answer_of_its_user(workshop: Any) -> None:
    asking(workshop, schema=COLOUR)
    client, question = await asked(workshop)
    assert (question.text, question.schema) == ("Which colour?", COLOUR)
    assert (question.call_id, question.step) == (f"{question.run_id}:1", "ask#1")
    assert question.expires_at == workshop.clock.now_ms() + workshop.services.approval_ms
    (waiting,) = await workshop.turns.commands.questions("user_ada")
    assert (waiting.question_id, waiting.text, waiting.schema) == (question.question_id, question.text, COLOUR)
    assert await workshop.turns.commands.questions("user_bob") == []
    await answer(workshop, client, question, {"colour": "blue"})
    events = await client.ended(question.run_id)
    assert kinds(events)[2:] == [
        "AgentThinking",
        "QuestionAsked",
        "QuestionAnswered",
        "ToolExecuting",
        "ToolCompleted",
        "AgentCompleted",
    ]
    (told,) = answers(events)
    assert (told.answer, told.by, told.recorded) == ({"colour": "blue"}, client.connection_id, None)
    assert events[-1].result["data"] == {"answer": {"colour": "blue"}}
    assert [frame.id for frame in client.said] == [None, "word"]


@pytest.mark.validation_point("answer.schema")
async def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays_open(workshop: Any) -> None:
    asking(workshop, schema=COLOUR)
    client, question = await asked(workshop)
    refused = ""
    try:
        await answer(workshop, client, question, {"colour": "green"})
    except NetraError as refusal:
        refused = refusal.entry.id
    assert refused == "invalid_answer"
    assert len(workshop.questions.of("user_ada")) == 1
    await answer(workshop, client, question, {"colour": "red"})
    events = await client.ended(question.run_id)
    assert events[-1].result["data"] == {"answer": {"colour": "red"}}


async def test_the_first_answer_counts_and_the_same_one_again_is_accepted_again_also_afterwards(workshop: Any) -> None:
    asking(workshop)
    client, question = await asked(workshop)
    second = workshop.connect("user_ada")
    await answer(workshop, client, question, "blue")
    with pytest.raises(NotFound):
        await answer(workshop, second, question, "red")
    await client.ended(question.run_id)
    await answer(workshop, second, question, "blue")
    await workshop.kill()
    third = workshop.connect("user_ada")
    await answer(workshop, third, question, "blue", "again")
    with pytest.raises(NotFound):
        await answer(workshop, third, question, "red")
    assert [frame.id for frame in (*second.said, *third.said)] == ["word", "again"]


@pytest.mark.validation_point("question.open")
async def test_anothers_question_is_refused_as_one_that_does_not_exist(workshop: Any) -> None:
    asking(workshop)
    _, question = await asked(workshop)
    bob, told = workshop.connect("user_bob"), []
    for question_id in (question.question_id, "qst_run_unknown.1"):
        try:
            await workshop.turns.commands.answer(bob, AnswerQuestion(question_id, "blue"))
        except (NotFound, AttributeError) as refusal:
            told.append((str(refusal), vars(refusal).get("field"), vars(refusal).get("hint")))
    assert len(told) == 2
    assert len(set(told)) == 1
    assert told[0][1] == "question_id"


@pytest.mark.validation_point("id.placeholder")
async def test_a_placeholder_is_no_question(workshop: Any) -> None:
    refused = ""
    try:
        await workshop.turns.commands.answer(workshop.connect(), AnswerQuestion("placeholder_question", "blue"))
    except NetraError as refusal:
        refused = refusal.entry.id
    assert refused == "invalid_context"


async def test_an_answer_that_looks_like_a_secret_is_hidden_and_its_agent_gets_it_also_after_a_crash(
    workshop: Any,
) -> None:
    seen: list[Any] = []
    asking(workshop, seen)
    client, question = await asked(workshop)
    await answer(workshop, client, question, {"key": SECRET})
    events = await client.ended(question.run_id)
    (told,) = answers(events)
    assert told.answer == {"key": "***"}
    assert told.recorded is not None
    at = events.index(told) + 1
    client = await workshop.killed_after(events, "user_ada", at)
    await client.ended(question.run_id)
    assert seen == [{"key": SECRET}, {"key": SECRET}]


@pytest.mark.parametrize("frames", [4, 5])
@pytest.mark.parametrize("said", [None, 1.0, {"b": 1, "a": [10**30, "ü"]}])
async def test_wherever_it_is_killed_the_agent_gets_the_one_answer(workshop: Any, frames: int, said: Any) -> None:
    seen: list[Any] = []
    asking(workshop, seen)
    client, question = await asked(workshop)
    await answer(workshop, client, question, said)
    events = await client.ended(question.run_id)
    client = await workshop.killed_after(events, "user_ada", frames)
    if frames == 4:
        (waiting,) = await workshop.until(lambda: workshop.questions.of("user_ada"))
        assert waiting.told.question_id == question.question_id
        assert waiting.told.expires_at == question.expires_at
        await answer(workshop, client, question, said)
    await client.ended(question.run_id)
    stored = await workshop.stored(question.run_id)
    assert uninterrupted(stored) == kinds(events)
    assert list(map(repr, seen)) == [repr(said)] * 2


async def test_a_question_that_nobody_answers_expires_and_does_so_on_every_replay(workshop: Any) -> None:
    seen: list[Any] = []
    asking(workshop, seen, timeout_s=60)
    client, question = await asked(workshop)
    assert question.expires_at == workshop.clock.now_ms() + 60_000
    await workshop.kill()
    workshop.clock.advance(ms=60_000)
    client = workshop.connect()
    await workshop.turns.recovery.take_over()
    events = await client.ended(question.run_id)
    (told,) = answers(events)
    assert (told.by, told.answer) == ("expiry", None)
    with pytest.raises(NotFound):
        await answer(workshop, client, question, None)
    stored = await workshop.stored(question.run_id)
    await workshop.killed_after(stored, "user_ada", stored.index(told) + 1)
    await workshop.until(lambda: len(seen) == 2)
    assert seen[0] == seen[1]
    assert seen[0].startswith("QUESTION_EXPIRED ")


def giving_up(workshop: Any, gone: asyncio.Event, seen: list[str]) -> None:
    """An agent that waits for its user until something else happens."""

    async def run(scope: Any) -> AgentResult:
        await scope.think("which?")
        waiting = asyncio.ensure_future(scope.ask_user("Which colour?"))
        await asyncio.sleep(0)  # it has begun
        await gone.wait()
        waiting.cancel()
        try:
            await waiting
        except asyncio.CancelledError:
            seen.append("given up")
        await scope.use_tool("paint", amount=1)
        return AgentResult("")

    workshop.tool(adding(Counter(), "paint"))
    workshop.agent("golden", run, ["paint"])


async def test_a_question_that_its_agent_gave_up_is_told_to_be_over_and_is_given_up_again_on_every_replay(
    workshop: Any,
) -> None:
    gone, seen = asyncio.Event(), list[str]()
    giving_up(workshop, gone, seen)
    client, question = await asked(workshop)
    gone.set()
    events = await client.ended(question.run_id)
    (told,) = answers(events)
    assert (told.by, told.answer) == ("agent", None)
    assert await workshop.turns.commands.questions("user_ada") == []
    with pytest.raises(NotFound):
        await answer(workshop, client, question, None)
    client = await workshop.killed_after(events, "user_ada", events.index(told) + 1)
    again = await client.ended(question.run_id)
    assert not isinstance(again[-1], AgentFailed)
    assert seen == ["given up"] * 2


async def test_a_run_that_is_stopped_while_it_asks_records_its_end_alone(workshop: Any) -> None:
    asking(workshop)
    client, question = await asked(workshop)
    await workshop.cancel(client, question.run_id)
    events = await client.ended(question.run_id)
    assert kinds(events)[-2:] == ["QuestionAsked", "AgentCancelled"]
    assert await workshop.turns.commands.questions("user_ada") == []


async def test_an_answer_in_the_moment_in_which_its_run_is_stopped_is_told_not_to_count(workshop: Any) -> None:
    asking(workshop)
    client, question = await asked(workshop)
    await answer(workshop, client, question, "blue")
    await workshop.cancel(client, question.run_id)
    events = await client.ended(question.run_id)
    assert answers(events) == []
    assert [refusal.entry.id for refusal in client.refused] == ["dependency_unavailable"]


async def test_an_answer_that_is_looked_at_when_its_agent_gives_up_is_told_not_to_count(workshop: Any) -> None:
    """Looking for secrets in a long one takes more than one turn of the loop."""
    gone, seen = asyncio.Event(), list[str]()
    giving_up(workshop, gone, seen)
    client, question = await asked(workshop)
    await answer(workshop, client, question, ["password=x"] * 1_200)
    gone.set()
    events = await client.ended(question.run_id)
    (told,) = answers(events)
    assert (told.by, seen) == ("agent", ["given up"])
    assert [refusal.entry.id for refusal in client.refused] == ["dependency_unavailable"]


async def test_an_answer_with_a_secret_that_the_run_was_given_is_the_same_on_every_replay(workshop: Any) -> None:
    seen: list[Any] = []

    async def run(scope: Any) -> AgentResult:
        scope._recorder.hide("correct horse")
        seen.append(await scope.ask_user("Which?"))
        await scope.use_tool("paint", amount=1)
        return AgentResult("")

    workshop.tool(adding(Counter(), "paint"))
    workshop.agent("golden", run, ["paint"])
    client, question = await asked(workshop)
    await answer(workshop, client, question, {"it is": "correct horse", "and": SECRET})
    events = await client.ended(question.run_id)
    client = await workshop.killed_after(events, "user_ada", events.index(answers(events)[0]) + 1)
    await client.ended(question.run_id)
    assert seen == [{"it is": "***", "and": SECRET}] * 2


async def test_what_a_task_that_was_left_behind_asks_is_over_with_its_run(workshop: Any) -> None:
    left: list[asyncio.Future[Any]] = []

    async def run(scope: Any) -> AgentResult:
        left.append(asyncio.ensure_future(scope.ask_user("Which colour?")))
        await asyncio.sleep(0)
        return AgentResult("")

    workshop.agent("golden", run)
    client, question = await asked(workshop)
    events = await client.ended(question.run_id)
    assert answers(events) == []
    await asyncio.wait(left, timeout=20)
    assert left[0].cancelled()
    assert workshop.questions.of("user_ada") == []


async def test_the_time_that_a_run_waits_for_its_user_does_not_count(workshop: Any, limits: Limits) -> None:
    asking(workshop)
    client, question = await asked(workshop)
    workshop.turns.scheduler.tick(workshop.clock.monotonic() + limits.run_s + 1)
    await answer(workshop, client, question, "blue")
    events = await client.ended(question.run_id)
    assert kinds(events)[-1] == "AgentCompleted"


async def test_a_run_that_sleeps_leaves_memory_only_when_nothing_that_it_asked_is_open(workshop: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        await asyncio.gather(scope.sleep(3_600), scope.ask_user("Which colour?"))
        return AgentResult("")

    workshop.agent("golden", run)
    client, question = await asked(workshop)
    scheduler = workshop.turns.scheduler
    scheduler.tick(workshop.clock.monotonic())
    assert scheduler.parked.get(question.run_id) is None
    await answer(workshop, client, question, "blue")
    await client.saw(QuestionAnswered)
    scheduler.tick(workshop.clock.monotonic())
    assert scheduler.parked.get(question.run_id) is not None


async def test_questions_in_parallel_get_their_own_answers_and_as_many_wait_as_may(workshop: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        answers = await asyncio.gather(*(scope.ask_user(f"Number {number}?") for number in range(4)))
        return AgentResult("", {"answers": answers})

    workshop.questions.limits = Limits(run_questions=2)
    workshop.agent("golden", run)
    client, question = await asked(workshop)
    for number in range(4):
        asked_now = await client.until(
            lambda number=number: [
                each for each in client.events if isinstance(each, QuestionAsked) and each.text == f"Number {number}?"
            ]
        )
        assert len(workshop.questions.of("user_ada")) <= 2
        await answer(workshop, client, asked_now[0], number)
    events = await client.ended(question.run_id)
    assert events[-1].result["data"] == {"answers": [0, 1, 2, 3]}


async def test_a_sub_agent_asks_the_same_user(workshop: Any) -> None:
    async def ask(scope: Any) -> AgentResult:
        return AgentResult(await scope.ask_user("Which colour?"))

    async def run(scope: Any) -> AgentResult:
        return await scope.run_agent("curious", "go")  # type: ignore[no-any-return]

    workshop.agent("curious", ask)
    workshop.agent("golden", run)
    client, question = await asked(workshop)
    assert question.parent_call_id == f"{question.run_id}:1"
    await answer(workshop, client, question, "blue")
    events = await client.ended(question.run_id)
    assert events[-1].result["text"] == "blue"


@pytest.mark.parametrize(
    ("question", "options", "fault"),
    [
        ("", {}, "1 to 16,384 bytes"),
        ("x" * 16_385, {}, "1 to 16,384 bytes"),
        ("Which?", {"schema": {"type": "colour"}}, "no JSON Schema"),
        ("Which?", {"timeout_s": 0}, "timeout_s"),
        ("Which?", {"timeout_s": 10**9}, "timeout_s"),
        (7, {}, "must be a str"),
    ],
)
async def test_what_cannot_be_asked_is_an_error_of_the_agent(
    workshop: Any, question: Any, options: dict[str, Any], fault: str
) -> None:
    async def run(scope: Any) -> AgentResult:
        try:
            await scope.ask_user(question, **options)
        except (ValueError, TypeError) as wrong:
            return AgentResult(str(wrong))
        return AgentResult("asked")

    workshop.agent("golden", run)
    events = await workshop.run("golden")
    assert fault in events[-1].result["text"]
    assert kinds(events)[2:] == ["AgentCompleted"]


async def test_a_run_that_cannot_ask_says_what_is_wrong_with_its_schema(workshop: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        await scope.ask_user("How many?", schema={"default": 10**5_000})
        return AgentResult("")

    workshop.agent("golden", run)
    failed = (await workshop.run("golden"))[-1]
    assert isinstance(failed, AgentFailed)
    assert failed.error == "tool_fault"
    assert failed.message == "The schema holds a number of more digits than can be written."


async def test_an_agent_that_asks_something_else_than_before_is_not_deterministic(workshop: Any) -> None:
    texts = iter(["Which colour?", "Which shape?"])

    async def run(scope: Any) -> AgentResult:
        await scope.ask_user(next(texts))
        return AgentResult("")

    workshop.agent("golden", run)
    _, question = await asked(workshop)
    await workshop.kill()
    client = workshop.connect()
    await workshop.turns.recovery.take_over()
    events = await client.ended(question.run_id)
    assert isinstance(events[-1], AgentFailed)
    assert "Which shape?" in events[-1].message


@pytest.mark.parametrize("said", ["yes", [7] * 7000], ids=["not taken", "looked at"])
async def test_an_answer_whose_run_ends_before_it_is_recorded_is_told_to_count_for_nothing(
    workshop: Any, said: Any
) -> None:
    gate = asyncio.Event()

    async def run(scope: Any) -> AgentResult:
        task = asyncio.create_task(scope.ask_user("Go on?"))
        await gate.wait()
        if said != "yes":
            while workshop.questions.of("user_ada"):  # noqa: ASYNC110  # by the loop's turns
                await asyncio.sleep(0)
        left.append(task)
        return AgentResult("went on")

    left: list[Any] = []
    workshop.agent("golden", run)
    client, question = await asked(workshop)
    gate.set()
    await answer(workshop, client, question, said)
    events = await client.ended(question.run_id)
    await asyncio.gather(*left, return_exceptions=True)
    assert answers(events) == []
    refused = [each.entry.id for each in client.refused]
    assert refused == ["dependency_unavailable"]
    assert not workshop.questions.knows(question.question_id)
    with pytest.raises(NotFound):
        await answer(workshop, client, question, said)
