"""The tools of a served agent: approved by its user, bounded in time, and reported as unknown if nobody knows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from agents import Agent, FunctionTool, RunContextWrapper, ToolOutputImage, function_tool
from agents.testing import ModelCall, assistant_message, function_call

from netra_backend.app.core.errors import FrameRefused
from netra_backend.app.core.events import (
    AgentCompleted,
    ApprovalRequested,
    ApprovalResolved,
    StepStarted,
    ToolCompleted,
    ToolExecuting,
)
from netra_backend.app.core.frames import ResolveApproval


def of(events: Any, kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


def calling(tool: str, arguments: str) -> Callable[[ModelCall], Any]:
    """Calls a tool once, and tells what came of it."""

    def answer(call: ModelCall) -> Any:
        outputs = [item["output"] for item in call.input if item.get("type") == "function_call_output"]
        if outputs:
            return assistant_message(outputs[0] if isinstance(outputs[0], str) else json.dumps(outputs[0]))
        return function_call(tool, arguments, call_id="c1")

    return answer


class Bank:
    """A tool that needs an approval."""

    def __init__(self, needs_approval: Any = True) -> None:
        self.paid: list[int] = []

        @function_tool(needs_approval=needs_approval)
        def pay(amount: int) -> str:
            """Pays."""
            self.paid.append(amount)
            return f"paid {amount}"

        self.tool = pay


async def approved(workshop: Any, agent: str, **answer: Any) -> list[Any]:
    client = workshop.connect()
    accepted = await workshop.ask(client, agent)
    (asked,) = await workshop.until(lambda: of(client.events, ApprovalRequested))
    await workshop.turns.commands.resolve(
        client,
        ResolveApproval(
            approval_id=asked.approval_id,
            arguments_hash=asked.arguments_hash,
            **{"decision": "approve", **answer},
        ),
    )
    events: list[Any] = await client.ended(accepted.run_id)
    return events


class TestApproval:
    async def test_its_user_approves_a_call_before_it_is_made(self, workshop: Any, served: Any) -> None:
        bank = Bank()
        served.agent(Agent(name="bank", model=served.model(calling("pay", '{"amount": 7}')), tools=[bank.tool]))
        events = await approved(workshop, "bank")
        assert (bank.paid, events[-1].result["text"]) == ([7], "paid 7")
        assert of(events, ApprovalRequested)[0].arguments == {"amount": 7}

    async def test_a_call_is_made_with_the_arguments_that_its_user_gave(self, workshop: Any, served: Any) -> None:
        bank = Bank()
        served.agent(Agent(name="bank", model=served.model(calling("pay", '{"amount": 7}')), tools=[bank.tool]))
        events = await approved(workshop, "bank", arguments={"amount": 5})
        assert (bank.paid, events[-1].result["text"]) == ([5], "paid 5")

    @pytest.mark.validation_point("answer.arguments")
    async def test_arguments_that_the_tool_does_not_take_are_no_answer(self, workshop: Any, served: Any) -> None:
        bank = Bank()
        served.agent(Agent(name="bank", model=served.model(calling("pay", '{"amount": 7}')), tools=[bank.tool]))
        with pytest.raises(FrameRefused, match="amount"):
            await approved(workshop, "bank", arguments={"amount": "much"})
        assert bank.paid == []

    @pytest.mark.parametrize("decision", ["approve", "deny"])
    async def test_an_agent_that_is_a_tool_may_ask_first_too(self, workshop: Any, served: Any, decision: str) -> None:
        asked: list[Any] = []

        def inner(call: ModelCall) -> Any:
            asked.append(call.input[-1]["content"])
            return assistant_message("deep")

        other: Agent[Any] = Agent(name="other", model=served.model(inner))
        tool = other.as_tool("ask", "Asks.", needs_approval=True)
        served.agent(Agent(name="host", model=served.model(calling("ask", '{"input": "x"}')), tools=[tool]))
        events = await approved(workshop, "host", decision=decision)
        if decision == "deny":
            assert (asked, json.loads(events[-1].result["text"])["error"]["code"]) == ([], "APPROVAL_DENIED")
        else:
            assert (asked, events[-1].result["text"]) == (["x"], "deep")

    async def test_the_model_reads_why_its_user_denied_a_call(self, workshop: Any, served: Any) -> None:
        bank = Bank()
        served.agent(Agent(name="bank", model=served.model(calling("pay", '{"amount": 7}')), tools=[bank.tool]))
        events = await approved(workshop, "bank", decision="deny", reason="too much")
        assert bank.paid == []
        error = json.loads(events[-1].result["text"])["error"]
        assert error["code"] == "APPROVAL_DENIED"
        assert "too much" in error["message"]

    @pytest.mark.parametrize(("amount", "asks"), [(7, False), (700, True)])
    async def test_a_function_says_whether_its_user_is_asked_and_is_recorded(
        self, workshop: Any, served: Any, amount: int, asks: bool
    ) -> None:
        asked: list[int] = []

        async def needs_approval(context: RunContextWrapper[Any], arguments: dict[str, Any], call_id: str) -> bool:
            asked.append(arguments["amount"])
            return bool(arguments["amount"] > 100)

        bank = Bank(needs_approval)
        answer = calling("pay", json.dumps({"amount": amount}))
        served.agent(Agent(name="bank", model=served.model(answer), tools=[bank.tool]))
        events = await (approved(workshop, "bank") if asks else workshop.run("bank"))
        assert (bank.paid, asked) == ([amount], [amount])
        assert [each.name for each in of(events, StepStarted)] == ["approval of pay"]
        owner = "user_ada"
        client = await workshop.killed_after(events, owner, len(events) - 1)
        await client.ended(events[0].run_id)
        assert (bank.paid, asked) == ([amount], [amount])

    async def test_wherever_it_is_killed_it_is_asked_once_and_paid_once(self, workshop: Any, served: Any) -> None:
        bank = Bank()
        served.agent(Agent(name="bank", model=served.model(calling("pay", '{"amount": 7}')), tools=[bank.tool]))
        events = await approved(workshop, "bank")
        resolved = next(place for place, each in enumerate(events) if isinstance(each, ApprovalResolved))
        for frames in range(resolved + 1, len(events)):
            bank.paid.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            after = await workshop.stored(events[0].run_id)
            assert isinstance(after[-1], AgentCompleted)
            assert len(of(after, ApprovalRequested)) == 1
            begun, ended = of(events[:frames], ToolExecuting), of(events[:frames], ToolCompleted)
            assert len(bank.paid) == 1 - len(begun)
            told = [each for each in of(after, ToolCompleted) if each.error]
            assert len(told) == len(begun) - len(ended)


class TestResult:
    async def test_an_image_is_an_image_for_the_model(self, workshop: Any, served: Any) -> None:
        @function_tool
        def draw() -> ToolOutputImage:
            """Draws."""
            return ToolOutputImage(image_url="data:image/png;base64,AA==")

        served.agent(Agent(name="artist", model=served.model(calling("draw", "{}")), tools=[draw]))
        events = await workshop.run("artist")
        assert json.loads(events[-1].result["text"])[0]["type"] == "input_image"

    async def test_a_tool_that_takes_too_long_is_told_to_the_model(self, workshop: Any, served: Any) -> None:
        @function_tool(timeout=0.01)
        async def wait() -> str:
            """Waits."""
            await asyncio.get_running_loop().create_future()
            return ""

        served.agent(Agent(name="waiter", model=served.model(calling("wait", "{}")), tools=[wait]))
        events = await workshop.run("waiter")
        assert "timed out" in events[-1].result["text"]

    async def test_what_is_no_json_is_the_tools_own_to_refuse(self, workshop: Any, served: Any) -> None:
        seen: list[str] = []

        async def invoke(context: Any, input: str) -> str:
            seen.append(input)
            return "taken"

        tool = FunctionTool("raw", "Takes anything.", {}, invoke, strict_json_schema=False)
        served.agent(Agent(name="raw", model=served.model(calling("raw", "not json")), tools=[tool]))
        events = await workshop.run("raw")
        assert (seen, events[-1].result["text"]) == (["not json"], "taken")
        assert of(events, ToolExecuting)[0].arguments == {"input": "not json"}
