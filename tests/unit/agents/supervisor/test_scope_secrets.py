"""Secrets in the hands of an agent: in a step's body alone, and nowhere in what is recorded."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import Any, Literal

import pytest

from netra_backend.app.adapters.secrets.sealing import AesGcmCipher
from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.core.errors import FrameRefused, ToolError
from netra_backend.app.core.events import AgentCompleted, AgentFailed, QuestionAsked, encode_event
from netra_backend.app.core.frames import AnswerQuestion, ResolveApproval
from netra_backend.app.core.hidden_values import HiddenValues
from netra_backend.app.core.model_part import ModelPart
from netra_backend.app.services import hiding

VALUE = "hunter2-hunter2"


@pytest.fixture
async def keeping(workshop: Any) -> Any:
    """A workshop whose user ada has a secret, also after a restart."""
    workshop.cipher = AesGcmCipher(b"k" * 32)
    workshop.open()
    await workshop.secrets.put("user_ada", "TOKEN", VALUE)
    return workshop


async def asked(workshop: Any, user_id: str = "user_ada") -> list[Any]:
    client = workshop.connect(user_id)
    accepted = await workshop.ask(client, "golden")
    events: list[Any] = await client.ended(accepted.run_id)
    return events


def recorded(workshop: Any) -> bytes:
    """All that is stored of all threads."""
    threads = workshop.store.threads.values()
    frames = [frame for thread in threads for _, frame in thread.rows]
    values = [value for value, _ in workshop.store.values.values()]
    return b"".join([*frames, *values, *(blob.body for thread in threads for blob in thread.blobs.values())])


async def test_what_a_run_emits_and_keeps_after_it_was_given_a_secret_is_without_it(
    keeping: Any, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    async def run(scope: Any) -> AgentResult:
        async def use() -> Any:
            seen.append(await scope.secret("TOKEN"))
            await scope.delta(f"using {VALUE}")
            return {"echo": f"Bearer {VALUE}", VALUE: 1}

        async def fail() -> None:
            raise ToolError("REFUSED", f"{VALUE} is not valid")

        got = await scope.step("use", use)
        await scope.think(f"it was {VALUE}")
        await scope.say(f"said {VALUE}")
        await scope.state.set("kept", [VALUE], visible=True)
        with pytest.raises(ToolError) as refusal:
            await scope.step("fail", fail)
        return AgentResult(f"done with {VALUE}", {"got": got, "error": refusal.value.message})

    keeping.agent("golden", run)
    events = await asked(keeping)
    assert seen == [VALUE]
    assert isinstance(events[-1], AgentCompleted), events[-1]
    assert events[-1].result == {
        "text": "done with ***",
        "data": {"got": {"echo": "Bearer ***", "***": 1}, "error": "*** is not valid"},
    }
    assert VALUE not in b"".join(map(encode_event, events)).decode()
    assert VALUE.encode() not in recorded(keeping)


async def test_on_a_replay_the_agent_gets_what_it_got_before_and_the_secret_is_not_asked_for(keeping: Any) -> None:
    seen: list[str] = []

    async def run(scope: Any) -> AgentResult:
        async def use() -> Any:
            seen.append(await scope.secret("TOKEN"))
            return {"echo": f"Bearer {VALUE}"}

        async def fail() -> None:
            await scope.secret("TOKEN")
            raise ToolError("REFUSED", f"{VALUE} is not valid")

        got = await scope.step("use", use)
        with pytest.raises(ToolError) as refusal:
            await scope.step("fail", fail)
        return AgentResult("", {"got": got, "error": refusal.value.message})

    keeping.agent("golden", run)
    events = await asked(keeping)
    assert events[-1].result["data"] == {"got": {"echo": "Bearer ***"}, "error": "*** is not valid"}
    client = await keeping.killed_after(events, "user_ada", len(events) - 1)
    await client.ended(events[0].run_id)
    assert (await keeping.stored(events[0].run_id))[-1].result["data"] == events[-1].result["data"]
    assert seen == [VALUE]


async def test_log_lines_of_the_run_are_without_it(keeping: Any) -> None:
    from netra_backend.app.adapters.process.json_logs import JsonFormatter

    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonFormatter().format(record))

    async def run(scope: Any) -> AgentResult:
        async def use() -> None:
            value = await scope.secret("TOKEN")
            logging.getLogger("netra.test").warning("got %s", value, extra={"given": [value]})
            raise ValueError(f"cannot use {value}")

        with pytest.raises(ToolError):
            await scope.step("use", use)
        return AgentResult("")

    def say_it_elsewhere() -> None:
        hiding.enter(HiddenValues())
        logging.getLogger("netra.test").warning("a task that another run began says %s", VALUE)

    keeping.agent("golden", run)
    handler = Kept()
    logging.getLogger("netra").addHandler(handler)
    try:
        await asked(keeping)
        contextvars.copy_context().run(say_it_elsewhere)
    finally:
        logging.getLogger("netra").removeHandler(handler)
    assert len(lines) >= 3
    assert VALUE not in "".join(lines)


async def test_outside_of_a_steps_body_it_is_refused(keeping: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        await scope.secret("TOKEN")
        return AgentResult("")

    keeping.agent("golden", run)
    assert isinstance((await asked(keeping))[-1], AgentFailed)


async def test_anothers_secret_and_an_absent_one_are_absent(keeping: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        async def use() -> list[str]:
            absent = []
            for name in ("TOKEN", "ABSENT", "no name", 7):
                try:
                    await scope.secret(name)
                except KeyError:
                    absent.append(str(name))
            return absent

        return AgentResult("", {"absent": await scope.step("use", use)})

    keeping.agent("golden", run)
    of_bob, of_ada = await asked(keeping, "user_bob"), await asked(keeping)
    assert of_bob[-1].result["data"] == {"absent": ["TOKEN", "ABSENT", "no name", "7"]}
    assert of_ada[-1].result["data"] == {"absent": ["ABSENT", "no name", "7"]}


async def test_two_runs_hide_each_its_own(keeping: Any) -> None:
    await keeping.secrets.put("user_bob", "TOKEN", "swordfish-swordfish")
    both = asyncio.Event()
    given: list[str] = []

    async def run(scope: Any) -> AgentResult:
        async def use() -> None:
            given.append(await scope.secret("TOKEN"))
            if len(given) == 2:
                both.set()
            await both.wait()

        await scope.step("use", use)
        return AgentResult(f"{VALUE} swordfish-swordfish")

    keeping.agent("golden", run)
    of_ada, of_bob = await asyncio.gather(asked(keeping), asked(keeping, "user_bob"))
    assert of_ada[-1].result["text"] == "*** swordfish-swordfish"
    assert of_bob[-1].result["text"] == f"{VALUE} ***"


async def test_a_model_that_repeats_a_secret_and_a_tool_that_returns_it_give_the_agent_what_is_recorded(
    keeping: Any,
) -> None:
    async def returning(context: Any, arguments: Any) -> Any:
        return {"echo": VALUE}

    async def run(scope: Any) -> AgentResult:
        async def use() -> None:
            await scope.secret("TOKEN")

        await scope.step("use", use)
        reply = await scope.ask_model("say it")
        outcome = await scope.use_tool("returning", given=VALUE)
        return AgentResult("", {"reply": reply.text, "tool": outcome.result})

    keeping.tool(Tool("returning", "Returns it.", Given, returning, approval=True))
    keeping.answer_with(Repeating())
    await keeping.secrets.put("user_ada", "TOKEN", VALUE)
    keeping.agent("golden", run, tools=["returning"])
    client = keeping.connect("user_ada")
    accepted = await keeping.ask(client, "golden")
    await keeping.until(lambda: keeping.questions.of("user_ada"))
    (call,) = await keeping.turns.commands.approvals("user_ada")
    assert call.arguments == {"given": "***"}
    await keeping.turns.commands.resolve(client, ResolveApproval(call.approval_id, "approve", call.arguments_hash))
    events = await client.ended(accepted.run_id)
    assert isinstance(events[-1], AgentCompleted), events[-1]
    assert events[-1].result["data"] == {"reply": "it is ***", "tool": {"echo": "***"}}
    assert VALUE.encode() not in recorded(keeping)


@pytest.mark.validation_point("answer.schema")
async def test_what_waits_for_an_answer_is_without_it_and_so_are_the_words_that_refuse_one(keeping: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        async def use() -> None:
            await scope.secret("TOKEN")

        await scope.step("use", use)
        schema = {"properties": {"pin": {"const": f"{'x' * 130}{VALUE}"}}, "title": VALUE}
        return AgentResult("", {"answer": await scope.ask_user(f"Is it {VALUE}?", schema=schema)})

    keeping.agent("golden", run)
    client = keeping.connect("user_ada")
    accepted = await keeping.ask(client, "golden")
    asked = await client.saw(QuestionAsked)
    (waiting,) = await keeping.turns.commands.questions("user_ada")
    shown = {"properties": {"pin": {"const": f"{'x' * 130}***"}}, "title": "***"}
    assert (waiting.text, waiting.schema) == (asked.text, asked.schema) == ("Is it ***?", shown)
    message = ""
    try:
        await keeping.turns.commands.answer(client, AnswerQuestion(asked.question_id, {"pin": "no"}, "word"))
    except FrameRefused as refusal:
        message = refusal.message
    assert message.startswith("The answer does not fit: /pin: ")
    assert "hunter2" not in message
    await keeping.turns.commands.answer(client, AnswerQuestion(asked.question_id, {"other": 1}, "word"))
    events = await client.ended(accepted.run_id)
    assert events[-1].result["data"] == {"answer": {"other": 1}}


@pytest.mark.validation_point("answer.arguments")
async def test_an_approval_waits_without_it_and_so_are_the_words_that_refuse_its_arguments(keeping: Any) -> None:
    async def call(context: Any, arguments: Any) -> Any:
        raise AssertionError("nobody approves it")

    async def run(scope: Any) -> AgentResult:
        async def use() -> None:
            await scope.secret("TOKEN")

        await scope.step("use", use)
        outcome = await scope.use_tool("picky", pick=VALUE)
        return AgentResult("", {"error": outcome.error})

    keeping.tool(Tool("picky", "Picks.", Picked, call, approval=f"It uses {VALUE}."))
    keeping.agent("golden", run, tools=["picky"])
    client = keeping.connect("user_ada")
    await keeping.ask(client, "golden")
    await keeping.until(lambda: keeping.questions.of("user_ada"))
    (waiting,) = await keeping.turns.commands.approvals("user_ada")
    assert (waiting.reason, waiting.arguments) == ("It uses ***.", {"pick": "***"})
    message = ""
    try:
        await keeping.turns.commands.resolve(
            client,
            ResolveApproval(waiting.approval_id, "approve", waiting.arguments_hash, arguments={"pick": f"{VALUE}!"}),
        )
    except FrameRefused as refusal:
        message = refusal.message
    assert message.startswith("The arguments hold ***")
    assert "hunter2" not in message


async def test_results_are_not_looked_at_text_by_text(keeping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Any] = []

    def noted(_: HiddenValues, value: Any) -> Any:
        looked.append(value)
        return value

    async def returning(context: Any, arguments: Any) -> Any:
        monkeypatch.setattr(HiddenValues, "plain", noted)
        return {"rows": ["ab"] * 1_000, "echo": VALUE if arguments.given else ""}

    async def run(scope: Any) -> AgentResult:
        async def use() -> list[str]:
            return ["ab"] * 1_000 + [await scope.secret("TOKEN")]

        results = [await scope.step("use", use)]
        for given in ("", "yes"):
            monkeypatch.undo()
            outcome = await scope.use_tool("returning", given=given)
            results.append(outcome.result["echo"])
        return AgentResult("", {"results": [results[0][-1], *results[1:]]})

    keeping.tool(Tool("returning", "Returns it.", Given, returning))
    keeping.agent("golden", run, tools=["returning"])
    events = await asked(keeping)
    assert events[-1].result["data"] == {"results": ["***", "", "***"]}
    assert [each for each in looked if isinstance(each, dict) and "rows" in each] == []


class Given(ToolArguments, frozen=True):
    given: str


class Picked(ToolArguments, frozen=True):
    pick: Literal["hunter2-hunter2", "other"]


class Repeating:
    """A model that says the secret."""

    name = "scripted"

    async def stream(self, prompt: str, *, system: str, max_tokens: int) -> Any:
        yield ModelPart(f"it is {VALUE}")
        yield ModelPart("", usage={"input_tokens": 1, "output_tokens": 1})
