"""The tools of the user's MCP servers as tools of an agent of the SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agents import Agent, RunConfig, function_tool
from agents.testing import ModelCall, assistant_message, function_call

from netra_backend.app.core.errors import DependencyUnavailable, EgressRefused, ToolError
from netra_backend.app.core.events import (
    AgentCompleted,
    ApprovalRequested,
    ModelStarted,
    ToolCompleted,
    ToolExecuting,
)
from netra_backend.app.core.frames import ResolveApproval
from netra_backend.app.core.mcp_points import EGRESS_ADDRESS
from netra_backend.app.core.plans import Plan, Plans
from tests.mcp_clients import CountingClient


def of(events: list[Any], kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


def names(call: ModelCall) -> list[str]:
    return [each.name for each in call.tools]


def outputs(call: ModelCall) -> list[Any]:
    return [item["output"] for item in call.input if item.get("type") == "function_call_output"]


def calling(arguments: str = '{"n": 1}') -> Any:
    """A model that calls the tool, and says what it read."""

    def answer(call: ModelCall) -> Any:
        read = outputs(call)
        return assistant_message(str(read[0])) if read else function_call("shop__act", arguments, call_id="c1")

    return answer


def serve(served: Any, answer: Any = None, **options: Any) -> None:
    served.agent(Agent(name="helper", model=served.model(answer or calling()), **options), user_mcp=True)


async def asked(shop: Any, agent: str = "helper", user_id: str = "user_ada") -> list[Any]:
    client = shop.connect(user_id)
    accepted = await shop.ask(client, agent)
    events: list[Any] = await client.ended(accepted.run_id)
    return events


async def test_the_model_calls_a_tool_of_its_user(shop: Any, served: Any) -> None:
    schemas: list[Any] = []

    def answer(call: ModelCall) -> Any:
        schemas.extend(each.params_json_schema for each in call.tools)
        return calling()(call)

    serve(served, answer)
    events = await asked(shop)
    assert events[-1].result["text"] == '{"acted":1}'
    assert schemas == [shop.mcp_client.schema] * 2
    assert shop.mcp_client.called == [("user_ada", "shop", "act", {"n": 1})]
    assert (shop.mcp_client.listed, shop.mcp_client.closed) == (1, 1)


async def test_what_a_server_returns_is_a_text_whatever_shape_it_has(shop: Any, served: Any) -> None:
    shop.mcp_client.result = {"type": "image", "image_url": "https://stranger.invalid/"}
    serve(served)
    events = await asked(shop)
    assert events[-1].result["text"] == '{"type":"image","image_url":"https://stranger.invalid/"}'


@pytest.mark.parametrize("arguments", ["[1]", "{", '"n"'])
async def test_arguments_that_are_no_object_are_for_the_model_to_put_right(
    shop: Any, served: Any, arguments: str
) -> None:
    serve(served, calling(arguments))
    events = await asked(shop)
    assert json.loads(events[-1].result["text"])["error"]["code"] == "INVALID_ARGUMENTS"
    assert shop.mcp_client.called == []


@pytest.mark.parametrize(("decision", "called"), [("approve", 1), ("deny", 0)])
async def test_a_server_that_is_not_trusted_waits_for_its_users_word(
    shop: Any, served: Any, decision: Any, called: int
) -> None:
    serve(served)
    client = shop.connect("user_bob")
    accepted = await shop.ask(client, "helper")
    (waiting,) = await shop.until(lambda: of(client.events, ApprovalRequested))
    assert "did not mark as trusted" in waiting.reason
    assert shop.mcp_client.called == []
    word = ResolveApproval(waiting.approval_id, decision, waiting.arguments_hash)
    await shop.turns.commands.resolve(client, word)
    events = await client.ended(accepted.run_id)
    assert shop.mcp_client.called == [("user_bob", "shop", "act", {"n": 1})] * called
    assert ("APPROVAL_DENIED" in events[-1].result["text"]) == (decision == "deny")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (ToolError("MCP_ERROR", "no"), "MCP_ERROR"),
        (EgressRefused("no", point=EGRESS_ADDRESS), "ADDRESS_NOT_ALLOWED"),
        (DependencyUnavailable("no"), "DEPENDENCY_UNAVAILABLE"),
        (ArithmeticError("no"), "TOOL_FAILED"),
    ],
)
async def test_a_call_that_fails_is_an_error_that_the_model_reads(
    shop: Any, served: Any, fault: BaseException, code: str
) -> None:
    shop.mcp_client.faults["it"] = fault
    serve(served, calling('{"fault": "it"}'))
    events = await asked(shop)
    assert isinstance(events[-1], AgentCompleted)
    assert json.loads(events[-1].result["text"])["error"]["code"] == code
    assert (("user_ada", "egress.address") in shop.audit) == (code == "ADDRESS_NOT_ALLOWED")


async def test_a_plan_that_lists_them_has_them(shop: Any, served: Any) -> None:
    shop.plans = Plans({}, Plan("", shop.limits, tools=frozenset({"mcp:*"})))
    serve(served)
    await asked(shop)
    assert shop.mcp_client.called == [("user_ada", "shop", "act", {"n": 1})]


@pytest.mark.parametrize("planned", [False, True])
async def test_an_agent_or_a_plan_without_them_has_none_and_no_server_is_asked(
    shop: Any, served: Any, planned: bool
) -> None:
    if planned:
        shop.plans = Plans({}, Plan("", shop.limits, tools=frozenset({"other"})))
    found: list[Any] = []

    def answer(call: ModelCall) -> Any:
        found.append(names(call))
        return assistant_message("hello")

    served.agent(Agent(name="helper", model=served.model(answer)), user_mcp=planned)
    await asked(shop)
    assert (found, shop.mcp_client.listed) == ([[]], 0)


async def test_agents_that_take_over_have_them_and_one_that_is_a_tool_has_none(shop: Any, served: Any) -> None:
    found: dict[str, Any] = {}

    def answer(call: ModelCall) -> Any:
        who = str(call.system_instructions)
        found[who] = names(call)
        if who == "inner":
            return assistant_message("deep")
        if who == "front":
            return function_call("transfer_to_back", "{}", call_id="h1")
        calls = [("ask", '{"input": "x"}'), ("shop__act", '{"n": 2}')]
        done = len(outputs(call)) - 1
        return function_call(*calls[done], call_id=f"c{done}") if done < 2 else assistant_message("done")

    model = served.model(answer)
    inner: Agent[Any] = Agent(name="inner", instructions="inner", model=model)
    back: Agent[Any] = Agent(name="back", instructions="back", model=model, tools=[inner.as_tool("ask", "Asks.")])
    served.agent(Agent(name="front", instructions="front", model=model, handoffs=[back]), user_mcp=True)
    events = await asked(shop, "front")
    assert events[-1].result["text"] == "done"
    assert {who: "shop__act" in has for who, has in found.items()} == {"front": True, "back": True, "inner": False}
    assert shop.mcp_client.called == [("user_ada", "shop", "act", {"n": 2})]
    assert shop.mcp_client.listed == 1


async def test_a_tool_of_the_agents_own_keeps_its_name(shop: Any, served: Any) -> None:
    @function_tool
    def shop__act(n: int) -> str:
        """The agent's own."""
        return f"own {n}"

    model = served.model(calling())
    strict = RunConfig(tool_name_collision_policy="error")
    served.agent(Agent(name="helper", model=model, tools=[shop__act]), user_mcp=True, run_config=strict)
    events = await asked(shop)
    assert isinstance(events[-1], AgentCompleted), events[-1]
    assert (events[-1].result["text"], shop.mcp_client.called) == ("own 1", [])


async def test_the_list_and_the_result_are_recorded_wherever_the_server_is_killed(shop: Any, served: Any) -> None:
    serve(served)
    events = await asked(shop)

    whole = shop.store
    for frames in range(1, len(events)):
        before = events[:frames]
        shop.store, shop.mcp_client = whole, CountingClient()
        client = await shop.killed_after(events, "user_ada", frames)
        again = await client.ended(events[0].run_id)
        assert len(shop.mcp_client.called) == 1 - len(of(before, ToolExecuting))
        if of(before, ModelStarted):
            assert shop.mcp_client.listed == 0
        if len(of(before, ToolExecuting)) == len(of(before, ToolCompleted)):
            assert again[-1].result == events[-1].result
        else:
            assert "OUTCOME_UNKNOWN" in again[-1].result["text"]
