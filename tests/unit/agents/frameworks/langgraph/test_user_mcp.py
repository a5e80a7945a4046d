"""The tools of the user's MCP servers in the nodes of a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool, ToolException, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from netra_backend.app.agents.frameworks.langgraph.user_mcp import user_tools
from netra_backend.app.core.errors import DependencyUnavailable, EgressRefused, ToolError
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentFailed,
    ApprovalRequested,
    ModelCompleted,
    ModelStarted,
    ToolCompleted,
    ToolExecuting,
)
from netra_backend.app.core.mcp_points import EGRESS_ADDRESS
from netra_backend.app.core.plans import Plan, Plans
from tests.mcp_clients import CountingClient


def of(events: list[Any], kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


async def asked(shop: Any, user_id: str = "user_ada") -> list[Any]:
    client = shop.connect(user_id)
    accepted = await shop.ask(client, "graph")
    events: list[Any] = await client.ended(accepted.run_id)
    return events


def graph_of(model: Any, tools: Callable[[], list[BaseTool]] = user_tools, *, in_threads: bool = False) -> Any:
    """A model that is asked with the user's tools, and called with them."""

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.bind_tools(tools()).ainvoke(state["messages"])]}

    async def act(state: MessagesState) -> Any:
        return await ToolNode(tools()).ainvoke(state)

    def ask_in_thread(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.bind_tools(tools()).invoke(state["messages"])]}

    def act_in_thread(state: MessagesState) -> Any:
        return ToolNode(tools()).invoke(state)

    graph: Any = StateGraph(MessagesState)
    graph.add_node("ask", ask_in_thread if in_threads else ask)
    graph.add_node("tools", act_in_thread if in_threads else act)
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")
    return graph


def calling(**arguments: Any) -> Any:
    """A model that calls the tool, and says what it read."""

    def say(messages: Any) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            return AIMessage(f"{messages[-1].status}: {messages[-1].content}")
        return AIMessage("", tool_calls=[{"name": "shop__act", "args": arguments, "id": "call_1"}])

    return say


@pytest.fixture
def served_of_user(shop: Any, served: Any) -> Callable[..., None]:
    return lambda graph: served(graph, user_mcp=True)


@pytest.mark.parametrize("in_threads", [False, True])
async def test_the_model_of_a_node_calls_a_tool_of_its_user(
    shop: Any, served_of_user: Any, chat: Any, in_threads: bool
) -> None:
    served_of_user(graph_of(chat(calling(n=1)), in_threads=in_threads))
    events = await asked(shop)
    assert events[-1].result["text"] == 'success: {"acted":1}'
    assert shop.mcp_client.called == [("user_ada", "shop", "act", {"n": 1})]
    assert (shop.mcp_client.listed, shop.mcp_client.closed) == (1, 1)


async def test_a_server_may_call_its_arguments_as_langchain_calls_its_own(
    shop: Any, served_of_user: Any, chat: Any
) -> None:
    given = {"config": 1, "callbacks": 2, "run_manager": 3, "runtime": 4, "self": 5, "tool_call_id": 6}
    served_of_user(graph_of(chat(calling(**given))))
    await asked(shop)
    assert shop.mcp_client.called == [("user_ada", "shop", "act", given)]


async def test_what_a_server_returns_is_a_text_whatever_shape_it_has(shop: Any, served_of_user: Any, chat: Any) -> None:
    shop.mcp_client.result = [{"type": "image_url", "image_url": {"url": "https://stranger.invalid/"}}]
    served_of_user(graph_of(chat(calling(n=1))))
    events = await asked(shop)
    assert events[-1].result["text"].startswith('success: [{"type":"image_url"')


@pytest.mark.parametrize(("decision", "called"), [("approve", 1), ("deny", 0)])
async def test_a_server_that_is_not_trusted_waits_for_its_users_word(
    shop: Any, served_of_user: Any, chat: Any, answered: Any, decision: str, called: int
) -> None:
    served_of_user(graph_of(chat(calling(n=1))))
    client = shop.connect("user_bob")
    accepted = await shop.ask(client, "graph")
    events = await answered(client, accepted.run_id, lambda _: {"decision": decision})
    assert "did not mark as trusted" in of(events, ApprovalRequested)[0].reason
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
    shop: Any, served_of_user: Any, chat: Any, fault: BaseException, code: str
) -> None:
    shop.mcp_client.faults["it"] = fault
    served_of_user(graph_of(chat(calling(fault="it"))))
    events = await asked(shop)
    assert isinstance(events[-1], AgentCompleted)
    assert events[-1].result["text"].startswith(f"error: {code}")
    assert (("user_ada", "egress.address") in shop.audit) == (code == "ADDRESS_NOT_ALLOWED")


async def test_a_graph_that_was_served_without_them_has_none_and_asks_no_server(
    shop: Any, served: Any, chat: Any
) -> None:
    found: list[Any] = []
    model = chat(lambda _: AIMessage("hello"))
    served(graph_of(model, lambda: found.append(user_tools()) or []))  # type: ignore[func-returns-value]
    await asked(shop)
    assert (found, shop.mcp_client.listed) == ([[]], 0)


async def test_a_plan_that_lists_them_has_them(shop: Any, served_of_user: Any, chat: Any) -> None:
    shop.plans = Plans({}, Plan("", shop.limits, tools=frozenset({"mcp:*"})))
    shop.open()
    served_of_user(graph_of(chat(calling(n=1))))
    await asked(shop)
    assert shop.mcp_client.called == [("user_ada", "shop", "act", {"n": 1})]


async def test_a_plan_that_does_not_list_them_has_none(shop: Any, served: Any, chat: Any) -> None:
    shop.plans = Plans({}, Plan("", shop.limits, tools=frozenset({"other"})))
    shop.open()
    found: list[Any] = []
    model = chat(lambda _: AIMessage("hello"))
    served(graph_of(model, lambda: found.append(user_tools()) or []), user_mcp=True)  # type: ignore[func-returns-value]
    await asked(shop)
    assert (found, shop.mcp_client.listed) == ([[]], 0)


async def test_a_tool_of_one_run_is_not_called_in_another(shop: Any, served_of_user: Any, chat: Any) -> None:
    kept: list[BaseTool] = []

    def tools() -> list[BaseTool]:
        kept[:] = kept or user_tools()
        return kept

    served_of_user(graph_of(chat(calling(n=1)), tools))
    assert isinstance((await asked(shop))[-1], AgentCompleted)
    events = await asked(shop, "user_bob")
    assert isinstance(events[-1], AgentFailed)
    assert "of another run" in events[-1].message
    assert [owner for owner, *_ in shop.mcp_client.called] == ["user_ada"]


async def test_outside_of_nodes_there_are_none_and_one_that_was_kept_does_nothing(
    shop: Any, served_of_user: Any, chat: Any
) -> None:
    kept: list[BaseTool] = []
    inside: list[Any] = []

    @tool
    async def look() -> str:
        """Looks."""
        inside.append(user_tools())
        return str(await kept[0].ainvoke({"n": 1}))

    async def node(state: MessagesState) -> dict[str, Any]:
        kept.extend(user_tools())
        try:
            await look.ainvoke({})
        except ToolException as fault:
            return {"messages": [AIMessage(str(fault))]}
        return {"messages": []}

    graph: Any = StateGraph(MessagesState)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    served_of_user(graph)
    events = await asked(shop)
    assert "in nodes of a served graph" in events[-1].result["text"]
    assert (inside, user_tools()) == ([[]], [])
    with pytest.raises(ToolException, match="nowhere else"):
        kept[0].invoke({"n": 1})
    assert shop.mcp_client.called == []


async def test_the_list_and_the_result_are_recorded_wherever_the_server_is_killed(
    shop: Any, served_of_user: Any, chat: Any
) -> None:
    served_of_user(graph_of(chat(calling(n=1))))
    events = await asked(shop)
    assert len(of(events, ModelCompleted)) == 2
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
