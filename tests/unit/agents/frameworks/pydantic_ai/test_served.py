"""Agents of pydantic-ai as agents of a server: what their users see, and what they find when a run goes on after a crash."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, RunContext
from pydantic_ai.exceptions import ModelHTTPError, ModelRetry
from pydantic_ai.messages import ModelResponse

from netra_server.pydantic_ai import serve

from .conftest import Script, Shop, returned


class Price(BaseModel):
    item: str
    cents: int


async def test_text_is_streamed_and_is_the_result(shop: Shop, of: Any) -> None:
    shop.serve(shop.agent(Script("It is fine.")))
    events = await shop.run()
    assert "".join(each.text for each in of(events, "AgentDelta")) == "It is fine."
    end = events[-1]
    assert end.result == {"text": "It is fine.", "data": {}}
    assert end.message_id == of(events, "ModelStarted")[0].call_id
    assert of(events, "ModelStarted")[0].model == "function:scripted"
    assert end.usage["output_tokens"] > 0


def paying(shop: Shop, script: Script) -> Agent[Any, Any]:
    agent = shop.agent(script)

    @agent.tool_plain
    async def pay(amount: int) -> dict[str, int]:
        shop.effects[f"pay {amount}"] += 1
        return {"paid": amount}

    @agent.tool_plain(metadata={"netra": {"idempotent": True}})
    def rate(currency: str) -> str:
        return f"1 {currency}"

    return agent


async def test_tools_are_called_once_wherever_the_server_is_killed(shop: Shop, of: Any) -> None:
    script = Script({"pay": {"amount": 3}, "rate": {"currency": "EUR"}}, "Paid.")
    shop.serve(paying(shop, script))
    events = await shop.run()
    assert [(each.tool, each.arguments) for each in of(events, "ToolExecuting")] == [
        ("pay", {"amount": 3}),
        ("rate", {"currency": "EUR"}),
    ]
    assert {each.tool: each.result for each in of(events, "ToolCompleted")} == {"pay": {"paid": 3}, "rate": "1 EUR"}
    assert shop.effects == {"pay 3": 1}
    asked_by = {each.requested_by for each in of(events, "ToolExecuting")}
    assert asked_by == {of(events, "ModelStarted")[0].call_id}
    assert returned(script.seen[-1]) == {"pay": {"paid": 3}, "rate": "1 EUR"}
    unknown = 0
    async for _, after in shop.replays(events):
        assert type(after[-1]).__name__ == "AgentCompleted"
        assert after[-1].result["text"] == "Paid."
        lost = [each for each in of(after, "ToolCompleted") if not each.ok]
        assert all(each.error["code"] == "OUTCOME_UNKNOWN" and each.tool == "pay" for each in lost)
        unknown += len(lost)
        if lost:
            assert "OUTCOME_UNKNOWN" in returned(script.seen[-1])["pay"]
    assert 0 < unknown < len(events) - 4


async def test_what_is_recorded_is_not_asked_for_again(shop: Shop, of: Any) -> None:
    script = Script({"rate": {"currency": "EUR"}}, "Done.")
    shop.serve(paying(shop, script))
    events = await shop.run()
    at = {type(each).__name__: place for place, each in enumerate(events, 1)}
    async for frames, after in shop.replays(events):
        asked = len(script.seen) - 2
        script.seen[2:] = []
        first = next(place for place, each in enumerate(events, 1) if type(each).__name__ == "ModelCompleted")
        assert asked == (2 if frames < first else 1 if frames < at["ModelCompleted"] else 0)
        assert after[-1].usage == events[-1].usage


async def test_structured_output_is_the_data_of_the_result(shop: Shop) -> None:
    shop.serve(shop.agent(Script({"final_result": {"item": "milk", "cents": 109}}), output_type=Price))
    events = await shop.run()
    assert events[-1].result["data"] == {"item": "milk", "cents": 109}
    async for _, after in shop.replays(events):
        assert after[-1].result == events[-1].result


async def test_earlier_messages_of_the_thread_are_the_history_of_a_run(shop: Shop) -> None:
    script = Script("First answer.")
    shop.serve(shop.agent(script, system_prompt="You help."))
    client = shop.workshop.connect("user_ada")
    first = await shop.workshop.ask(client, "golden", "one")
    await client.ended(first.run_id)
    second = await shop.workshop.ask(client, "golden", "two", thread_id=first.thread_id)
    await client.ended(second.run_id)
    said = [getattr(part, "content", None) for message in script.seen[-1] for part in message.parts]
    assert said == ["You help.", "one", "First answer.", "two"]


async def test_what_other_agents_said_comes_as_text_and_the_system_prompt_stays(shop: Shop) -> None:
    script = Script("Second answer.")
    shop.serve(shop.agent(Script("First answer."), name="other"))
    shop.serve(shop.agent(script, system_prompt="You help."))
    client = shop.workshop.connect("user_ada")
    first = await shop.workshop.ask(client, "other", "one")
    await client.ended(first.run_id)
    second = await shop.workshop.ask(client, "golden", "two", thread_id=first.thread_id)
    await client.ended(second.run_id)
    said = [getattr(part, "content", None) for message in script.seen[-1] for part in message.parts]
    assert said == ["You help.", "one", "First answer.", "two"]


async def test_tool_calls_and_thinking_of_earlier_runs_are_given_to_the_model_exactly(shop: Shop, of: Any) -> None:
    script = Script({"rate": {"currency": "EUR"}}, "One.")
    shop.serve(paying(shop, script))
    client = shop.workshop.connect("user_ada")
    first = await shop.workshop.ask(client, "golden", "one")
    before = await client.ended(first.run_id)
    assert [each.name for each in of(before, "StepRecorded")] == ["messages"]
    second = await shop.workshop.ask(client, "golden", "two", thread_id=first.thread_id)
    await client.ended(second.run_id)
    kinds = [part.part_kind for message in script.seen[-1] for part in message.parts]
    assert kinds[:5] == ["user-prompt", "tool-call", "tool-return", "text", "user-prompt"]
    earlier = next(message for message in script.seen[-1] if isinstance(message, ModelResponse))
    assert earlier == first_response(script)


def first_response(script: Script) -> ModelResponse:
    """The first response as the model had given it in the first run."""
    return next(message for message in script.seen[1] if isinstance(message, ModelResponse))


async def test_dependencies_are_made_of_who_asks(shop: Shop) -> None:
    script = Script({"who": {}}, "You.")
    agent = shop.agent(script, deps_type=str)

    @agent.tool
    async def who(ctx: RunContext[str]) -> str:
        return ctx.deps

    async def deps(context: Any) -> str:
        return f"deps of {context.user_id}"

    shop.serve(agent, deps=deps)
    events = await shop.run()
    assert returned(script.seen[-1])["who"] == f"deps of {shop.workshop.store.threads[events[0].thread_id].owner}"


async def test_a_tool_may_ask_the_model_to_try_again_also_on_a_replay(shop: Shop, of: Any) -> None:
    script = Script({"guess": {"number": 1}}, {"guess": {"number": 2}}, "Two.")
    agent = shop.agent(script)

    @agent.tool_plain(metadata={"netra": {"idempotent": True}})
    async def guess(number: int) -> str:
        if number == 1:
            raise ModelRetry("Higher.")
        return "right"

    shop.serve(agent)
    events = await shop.run()
    assert events[-1].result["text"] == "Two."
    assert of(events, "ToolCompleted")[0].result == {"pydantic_ai": {"kind": "model_retry", "message": "Higher."}}
    async for _, after in shop.replays(events):
        assert after[-1].result == events[-1].result


async def test_an_output_that_is_refused_is_asked_for_again_also_on_a_replay(shop: Shop) -> None:
    script = Script("no", "yes")
    agent = shop.agent(script)

    @agent.output_validator
    async def check(output: str) -> str:
        if output == "no":
            raise ModelRetry("Say yes.")
        return output

    shop.serve(agent)
    events = await shop.run()
    assert events[-1].result["text"] == "yes"
    async for _, after in shop.replays(events):
        assert after[-1].result == events[-1].result


async def test_a_model_that_fails_ends_the_run_as_a_dependency_does(shop: Shop, of: Any) -> None:
    shop.serve(shop.agent(Script(ModelHTTPError(503, "scripted", "busy"))))
    events = await shop.run()
    assert type(events[-1]).__name__ == "AgentFailed"
    assert events[-1].message == "The language model's provider refused the request (status 503)."
    assert events[-1].retryable is True
    assert "busy" not in events[-1].message
    assert of(events, "ModelCompleted")[0].finish_reason == "error"


def test_what_cannot_be_served_is_refused() -> None:
    with pytest.raises(TypeError, match="not str"):
        serve("agent")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no name"):
        serve(Agent("test"))
    with pytest.raises(ValueError, match="no model"):
        serve(Agent(name="golden"))


def test_its_code_is_that_of_the_module_that_serves_it() -> None:
    served: Any = serve(Agent("test", name="golden"), description="It helps.")
    other: Any = serve(Agent("test", name="golden"), version="7", compatible_versions=["6"])
    assert (served.name, served.description) == ("golden", "It helps.")
    assert len(served.version) == 16
    assert (other.version, other.compatible_versions) == ("7", ("6",))


def test_its_tools_are_those_of_the_agent_also_of_one_that_is_added_later() -> None:
    agent: Agent[Any, Any] = Agent("test", name="golden")
    served = serve(agent)

    @agent.tool_plain
    def pay() -> str:
        return "paid"

    assert served().tools == {"pay"}


async def test_a_cancelled_run_ends_so_and_its_tool_is_stopped(shop: Shop, of: Any) -> None:
    script = Script({"wait": {}}, "Done.")
    agent = shop.agent(script)
    began, stopped = asyncio.Event(), asyncio.Event()

    @agent.tool_plain
    async def wait() -> str:
        began.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            stopped.set()
        return "never"

    shop.serve(agent)
    client = shop.workshop.connect("user_ada")
    accepted = await shop.workshop.ask(client, "golden")
    await began.wait()
    await shop.workshop.cancel(client, accepted.run_id)
    events = await client.ended(accepted.run_id)
    await stopped.wait()
    assert type(events[-1]).__name__ == "AgentCancelled"
    assert len(script.seen) == 1
