"""A run that shows a secret which it was given goes on after a crash: what is hidden is recognized all the same."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.adapters.secrets.sealing import AesGcmCipher
from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.supervisor import run_recorder
from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentFailed,
    AgentThinking,
    ApprovalRequested,
    QuestionAsked,
    SecretUsed,
    ToolExecuting,
    encode_event,
)
from netra_backend.app.core.frames import AnswerQuestion, ResolveApproval
from netra_backend.app.services.secrets import Secrets

VALUE = "hunter2/hunter2"


class Given(ToolArguments, frozen=True):
    given: str
    more: int = 0


@pytest.fixture
async def keeping(workshop: Any) -> Any:
    """A workshop whose user ada has a secret, also after a restart."""
    workshop.cipher = AesGcmCipher(b"k" * 32)
    workshop.open()
    await workshop.secrets.put("user_ada", "TOKEN", VALUE)
    return workshop


async def asked(workshop: Any) -> list[Any]:
    """What is stored of a run of user ada's, which shows nothing of the secret."""
    client = workshop.connect("user_ada")
    accepted = await workshop.ask(client, "golden")
    events: list[Any] = await client.ended(accepted.run_id)
    assert "hunter2" not in "".join(encode_event(event).decode() for event in events)
    return events


async def test_after_a_restart_no_step_is_performed_again_and_none_is_another_one(keeping: Any) -> None:
    done: list[str] = []

    async def acting(context: Any, arguments: Any) -> Any:
        done.append("tool")
        return "acted"

    async def run(scope: Any) -> AgentResult:
        async def use() -> str:
            await scope.secret("TOKEN")
            done.append("use")
            return "used"

        async def pay() -> str:
            done.append("pay")
            return "paid"

        async def other() -> str:
            done.append("other")
            return "other"

        await scope.think("before")
        await scope.step("use", use)
        results = [await scope.step(f"pay {VALUE}", pay), await scope.step("pay", other, key=f"order {VALUE}")]
        await scope.think(f"with {VALUE}")
        await scope.say(f"with {VALUE} \ud83d")
        await scope.state.set(f"at {VALUE}", 1)
        outcome = await scope.use_tool("acting", given=f"with {VALUE}")
        with scope.branch(f"of {VALUE}"):
            results.append(await scope.step("inner", pay))
        return AgentResult("", {"results": results, "tool": outcome.result})

    keeping.tool(Tool("acting", "Acts.", Given, acting))
    keeping.agent("golden", run, tools=["acting"])
    events = await asked(keeping)
    wanted = {"results": ["paid", "other", "paid"], "tool": "acted"}
    assert isinstance(events[-1], AgentCompleted), events[-1]
    assert events[-1].result["data"] == wanted
    once = ["use", "pay", "other", "tool", "pay"]
    assert done == once
    client = await keeping.killed_after(events, "user_ada", len(events) - 1)
    await client.ended(events[0].run_id)
    stored = await keeping.stored(events[0].run_id)
    assert isinstance(stored[-1], AgentCompleted), stored[-1]
    assert (stored[-1].result["data"], done) == (wanted, once)


async def restarted(workshop: Any) -> Any:
    """A client of the next process, in which the run waits again."""
    await workshop.kill()
    client = workshop.connect("user_ada")
    await workshop.turns.recovery.take_over()
    await workshop.until(lambda: workshop.questions.of("user_ada"))
    return client


async def test_a_question_that_waits_is_found_again_and_shown_as_before(keeping: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        async def use() -> None:
            await scope.secret("TOKEN")

        await scope.step("use", use)
        answer = await scope.ask_user(f"Is {VALUE} right?", schema={"enum": ["yes", VALUE]})
        return AgentResult("", {"answer": answer})

    keeping.agent("golden", run)
    client = keeping.connect("user_ada")
    accepted = await keeping.ask(client, "golden")
    await client.saw(QuestionAsked)
    client = await restarted(keeping)
    (question,) = await keeping.turns.commands.questions("user_ada")
    assert (question.text, question.schema) == ("Is *** right?", {"enum": ["yes", "***"]})
    await keeping.turns.commands.answer(client, AnswerQuestion(question.question_id, "yes"))
    await client.ended(accepted.run_id)
    last = (await keeping.stored(accepted.run_id))[-1]
    assert isinstance(last, AgentCompleted), last
    assert last.result["data"] == {"answer": "yes"}


@pytest.mark.parametrize("edited", [None, {"given": "with ***", "more": 1}])
async def test_a_call_that_waits_is_found_again_and_shown_as_before(keeping: Any, edited: Any) -> None:
    given: list[Any] = []

    async def acting(context: Any, arguments: Any) -> Any:
        given.append((arguments.given, arguments.more))
        return "acted"

    async def run(scope: Any) -> AgentResult:
        async def use() -> None:
            await scope.secret("TOKEN")

        await scope.step("use", use)
        outcome = await scope.use_tool("acting", given=f"with {VALUE}")
        return AgentResult("", {"tool": outcome.result})

    keeping.tool(Tool("acting", "Acts.", Given, acting, approval=True))
    keeping.agent("golden", run, tools=["acting"])
    client = keeping.connect("user_ada")
    accepted = await keeping.ask(client, "golden")
    await client.saw(ApprovalRequested)
    client = await restarted(keeping)
    (call,) = await keeping.turns.commands.approvals("user_ada")
    assert call.arguments == {"given": "with ***"}
    await keeping.turns.commands.resolve(
        client, ResolveApproval(call.approval_id, "approve", call.arguments_hash, arguments=edited)
    )
    await client.ended(accepted.run_id)
    stored = await keeping.stored(accepted.run_id)
    assert isinstance(stored[-1], AgentCompleted), stored[-1]
    assert stored[-1].result["data"] == {"tool": "acted"}
    assert given == [(f"with {VALUE}", 0 if edited is None else 1)]
    if edited is None:
        assert [event.arguments for event in stored if isinstance(event, ToolExecuting)] == [{"given": "with ***"}]


@pytest.mark.parametrize("changed", ["text", "key"])
async def test_an_agent_that_asks_for_something_else_is_told_so(keeping: Any, changed: str) -> None:
    times: list[int] = []

    async def run(scope: Any) -> AgentResult:
        async def use() -> str:
            await scope.secret("TOKEN")
            return ""

        times.append(1)
        more = "" if len(times) == 1 else "else"
        await scope.step("use", use)
        if changed == "text":
            await scope.think(f"{VALUE} {more}")
        else:
            await scope.step(f"{VALUE} {more}", use)
        return AgentResult("")

    keeping.agent("golden", run)
    events = await asked(keeping)
    client = await keeping.killed_after(events, "user_ada", len(events) - 1)
    await client.ended(events[0].run_id)
    assert isinstance((await keeping.stored(events[0].run_id))[-1], AgentFailed)


@pytest.mark.parametrize("away", [0, 2])
async def test_after_a_restart_the_run_still_hides_what_it_was_given(
    keeping: Any, monkeypatch: pytest.MonkeyPatch, away: int
) -> None:
    async def run(scope: Any) -> AgentResult:
        async def use() -> None:
            await scope.secret("TOKEN")
            await scope.secret("TOKEN")

        await scope.step("use", use)
        await scope.think("between")
        await scope.say(f"as you wrote: {scope.message}")
        return AgentResult(scope.message)

    keeping.agent("golden", run)
    client = keeping.connect("user_ada")
    accepted = await keeping.ask(client, "golden", VALUE)
    events = await client.ended(accepted.run_id)
    used = [event for event in events if isinstance(event, SecretUsed)]
    assert [(event.name, event.call_id) for event in used] == [("TOKEN", events[2].call_id)]
    between = next(at for at, event in enumerate(events, 1) if isinstance(event, AgentThinking))
    asked_for = list[str]()

    async def value(self: Secrets, owner: str, name: str) -> str:
        asked_for.append(name)
        if len(asked_for) <= away:
            raise DependencyUnavailable("away")
        assert owner == "user_ada"
        return VALUE  # the store of the next process is a new one

    monkeypatch.setattr(Secrets, "value", value)
    monkeypatch.setattr(run_recorder, "AGAIN_S", 0)
    await (await keeping.killed_after(events, "user_ada", between)).ended(accepted.run_id)
    assert asked_for == ["TOKEN"] * (away + 1)
    after = await keeping.stored(accepted.run_id)
    assert after[-1].result["text"] == "***"
    assert "hunter2" not in "".join(encode_event(event).decode() for event in after[1:])


async def test_a_secret_that_was_deleted_meanwhile_holds_nobody_up(keeping: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        async def use() -> None:
            await scope.secret("TOKEN")

        await scope.step("use", use)
        return AgentResult("")

    keeping.agent("golden", run)
    events = await asked(keeping)
    client = await keeping.killed_after(events, "user_ada", len(events) - 1)
    assert isinstance((await client.ended(events[0].run_id))[-1], AgentCompleted)
