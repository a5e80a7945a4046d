"""Tools of graphs: their faults, approvals, questions and rights, and calls in plain node code."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import ToolException, tool
from langgraph.config import get_config
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, interrupt

from netra_backend.app.agents.frameworks.langgraph import tool_calls
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentFailed,
    ApprovalRequested,
    ModelCompleted,
    QuestionAsked,
    ToolCompleted,
    ToolExecuting,
)
from test_framework.counted_tool import kinds


def of(events: list[Any], kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


def react(model: Any, tools: list[Any], **options: Any) -> Any:
    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.bind_tools(tools).ainvoke(state["messages"])]}

    graph: Any = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_node("tools", ToolNode(tools, **options))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")
    return graph


def calling(*calls: tuple[str, dict[str, Any]]) -> Any:
    """A model that asks for these calls, and says what they returned."""

    def say(messages: Any) -> AIMessage:
        said = [each for each in messages if isinstance(each, ToolMessage)]
        if said:
            return AIMessage(" | ".join(f"{each.status}: {each.content}" for each in said))
        made = [{"name": name, "args": args, "id": f"call_{at}"} for at, (name, args) in enumerate(calls)]
        return AIMessage("", tool_calls=made)

    return say


class TestFaults:
    async def test_a_fault_is_the_same_for_the_graph_after_a_crash(self, workshop: Any, served: Any, chat: Any) -> None:
        tried: list[int] = []

        @tool
        def divide(by: int) -> str:
            """Divide."""
            tried.append(by)
            raise KeyError(by)

        @tool
        def fit(by: int) -> str:
            """Fit."""
            tried.append(by)
            return "never"

        model = chat(calling(("divide", {"by": 0}), ("fit", {"by": "many"})))
        seen: list[str] = []

        def handled(fault: Exception) -> str:
            seen.append(type(fault).__name__)
            return f"{type(fault).__name__} {fault.args[0] if isinstance(fault, KeyError) else ''}"

        served(react(model, [divide, fit], handle_tool_errors=handled))
        events = await workshop.run("graph")
        assert events[-1].result["text"] == "error: KeyError 0 | error: ToolInvocationError "
        assert [(each.ok, each.error["code"]) for each in of(events, ToolCompleted)] == [(False, "TOOL_FAILED")]
        whole = workshop.store
        for frames in range(1, len(events)):
            before = events[:frames]
            workshop.store = whole
            tried.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            stored = await workshop.stored(events[0].run_id)
            assert len(tried) == 1 - len(of(before, ToolExecuting))
            if len(of(before, ToolExecuting)) == len(of(before, ToolCompleted)):
                assert stored[-1].result == events[-1].result, kinds(before)
            else:
                assert "OUTCOME_UNKNOWN" in stored[-1].result["text"]

    async def test_a_call_of_node_code_that_is_unknown_can_be_caught_as_either(self) -> None:
        fault = tool_calls.NotDone("OUTCOME_UNKNOWN", "It had begun.", "Look.")
        assert isinstance(fault, ToolException)
        assert isinstance(fault, ToolError)
        assert fault.code == "OUTCOME_UNKNOWN"

    async def test_what_a_tool_says_of_itself_has_known_names(self) -> None:
        @tool
        def pay() -> str:
            """Pay."""
            return ""

        pay.metadata = {"netra": {"idempotnet": True}}
        with pytest.raises(ValueError, match="idempotnet"):
            tool_calls.options_of(pay)


class TestApproval:
    @pytest.mark.parametrize(
        ("word", "text", "paid"),
        [
            ({"decision": "approve"}, "success: paid 3", [3]),
            ({"decision": "approve", "arguments": {"amount": 2}}, "success: paid 2", [2]),
            ({"decision": "deny", "reason": "too much"}, "error: APPROVAL_DENIED", []),
        ],
    )
    async def test_a_tool_that_needs_approval_is_called_as_the_user_decides(
        self, workshop: Any, served: Any, chat: Any, answered: Any, word: Any, text: str, paid: list[int]
    ) -> None:
        done: list[int] = []

        @tool
        async def pay(amount: int) -> str:
            """Pay."""
            done.append(amount)
            return f"paid {amount}"

        pay.metadata = {"netra": {"approval": "It moves money."}}
        served(react(chat(calling(("pay", {"amount": 3}))), [pay]))
        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        events = await answered(client, accepted.run_id, lambda _: word)
        assert events[-1].result["text"].startswith(text)
        assert done == paid
        assert len(of(events, ApprovalRequested)) == 1


class TestQuestions:
    async def test_a_tool_that_interrupts_is_called_again_with_the_answer_and_others_are_not(
        self, workshop: Any, served: Any, chat: Any, answered: Any
    ) -> None:
        done: list[str] = []

        @tool
        async def pay(amount: int) -> str:
            """Pay."""
            done.append("pay")
            return f"paid {amount}"

        @tool
        def book(place: str) -> str:
            """Book."""
            sure = interrupt(f"Book {place}?")
            when = interrupt("When?")
            done.append("book")
            return f"{place} {sure} {when}"

        model = chat(calling(("pay", {"amount": 3}), ("book", {"place": "rome"})))
        served(react(model, [pay, book]))
        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        events = await answered(client, accepted.run_id, lambda _: "yes")
        assert events[-1].result["text"] == "success: paid 3 | success: rome yes yes"
        assert sorted(done) == ["book", "pay"]
        whole = workshop.store
        for frames in range(1, len(events)):
            before = events[:frames]
            workshop.store = whole
            done.clear()
            model.asked.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            stored = await answered(client, accepted.run_id, lambda _: "yes")
            told = f"killed after {frames}: {kinds(before)[-1]}"
            assert isinstance(stored[-1], AgentCompleted), told
            assert len(done) == len(set(done)), told
            assert len(model.asked) == 2 - len(of(before, ModelCompleted)), told
            if "OUTCOME_UNKNOWN" not in stored[-1].result["text"]:
                assert stored[-1].result == events[-1].result, told
                assert len(of(stored, QuestionAsked)) == 2, told
            else:
                assert len(of(before, ToolExecuting)) > len(of(before, ToolCompleted)), told


class TestOutput:
    async def test_commands_artifacts_and_plain_values_come_back_as_they_were(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        @tool(response_format="content_and_artifact")
        def draw(name: str) -> tuple[str, Any]:
            """Draw."""
            return "drawn", {"bytes": b"\x00", "name": name}

        @tool
        def jump(name: str) -> Any:
            """Jump."""
            said = ToolMessage("jumped", tool_call_id="call_1")
            return Command(update={"messages": [said]})

        async def plain(state: MessagesState) -> dict[str, Any]:
            value = await draw.ainvoke({"name": "bare"})
            return {"messages": [AIMessage(f"{value} {get_config()['configurable']['user_id']}")]}

        seen: list[Any] = []

        def look(state: MessagesState) -> dict[str, Any]:
            seen.extend(each.artifact for each in state["messages"] if isinstance(each, ToolMessage) and each.artifact)
            return {}

        graph = react(chat(calling(("draw", {"name": "a"}), ("jump", {"name": "b"}))), [draw, jump])
        graph.add_node("plain", plain)
        graph.add_node("look", look)
        graph.add_edge(START, "plain")
        graph.add_edge("tools", "look")
        served(graph)
        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        events = await client.ended(accepted.run_id)
        assert events[-1].result["text"] == "success: drawn | success: jumped"
        said = [each["content"] for each in events[-1].result["data"]["messages"]]
        assert "drawn user_ada" in said
        whole = workshop.store
        for frames in range(2, len(events)):
            before = events[:frames]
            if len(of(before, ToolExecuting)) > len(of(before, ToolCompleted)):
                continue
            workshop.store = whole
            seen.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            stored = await workshop.stored(events[0].run_id)
            assert not isinstance(stored[-1], AgentFailed), kinds(before)
            assert stored[-1].result == events[-1].result
            assert seen in ([], [{"bytes": b"\x00", "name": "a"}])
