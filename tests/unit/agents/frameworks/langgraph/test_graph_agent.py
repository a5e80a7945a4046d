"""Graphs of LangGraph in runs: their models, tools and nodes, wherever the server was killed."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, create_react_agent, tools_condition

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentDelta,
    AgentFailed,
    ModelCompleted,
    ModelStarted,
    ToolCompleted,
    ToolExecuting,
)
from test_framework.counted_tool import kinds


def of(events: list[Any], kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


def ended(events: list[Any]) -> Any:
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events[-1].result


def booking(messages: Any) -> AIMessage:
    if isinstance(messages[-1], ToolMessage):
        return AIMessage(f"It is done: {messages[-1].content}.")
    calls = [{"name": "book", "args": {"place": place}, "id": f"call_{place}"} for place in ("rome", "oslo")]
    return AIMessage("Let me see", tool_calls=calls)


def react(model: Any, tools: list[Any], *, sync: bool = False) -> Any:
    bound = model.bind_tools(tools)

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    def ask_in_thread(state: MessagesState) -> dict[str, Any]:
        return {"messages": [bound.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask_in_thread if sync else ask)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")
    return graph


@pytest.fixture
def booked() -> list[str]:
    return []


@pytest.fixture
def book(booked: list[str]) -> Any:
    @tool
    async def book(place: str) -> str:
        """Book a place."""
        booked.append(place)
        return f"booked {place}"

    return book


class TestReact:
    @pytest.mark.parametrize("sync", [False, True], ids=["async", "thread"])
    async def test_a_graph_asks_calls_tools_and_answers(
        self, workshop: Any, served: Any, chat: Any, book: Any, booked: list[str], sync: bool
    ) -> None:
        model = chat(booking)
        served(react(model, [book], sync=sync))
        events = await workshop.run("graph", "Book both.")
        assert ended(events)["text"] == "It is done: booked oslo."
        assert booked == ["rome", "oslo"]
        assert len(model.asked) == 2
        assert [(each.tool, each.arguments) for each in of(events, ToolExecuting)] == [
            ("book", {"place": "rome"}),
            ("book", {"place": "oslo"}),
        ]
        assert [each.result for each in of(events, ToolCompleted)] == [
            {"content": "booked rome"},
            {"content": "booked oslo"},
        ]
        assert "".join(each.text for each in of(events, AgentDelta)) == "Let me seeIt is done: booked oslo."
        assert [each.finish_reason for each in of(events, ModelCompleted)] == ["tool_calls", "stop"]
        requested = of(events, ModelStarted)[0].call_id
        assert {each.requested_by for each in of(events, ToolExecuting)} == {requested}
        assert {each.provider_call_id for each in of(events, ToolExecuting)} == {"call_rome", "call_oslo"}
        assert events[-1].message_id == of(events, ModelStarted)[1].call_id
        assert (events[-1].usage["input_tokens"], events[-1].usage["output_tokens"]) == (6, 8)
        data = ended(events)["data"]
        assert [each["type"] for each in data["messages"]] == ["ai", "tool", "tool", "ai"]

    @pytest.mark.parametrize("sync", [False, True], ids=["async", "thread"])
    async def test_wherever_it_is_killed_nothing_recorded_is_done_again(
        self, workshop: Any, served: Any, chat: Any, book: Any, booked: list[str], sync: bool
    ) -> None:
        model = chat(booking)
        served(react(model, [book], sync=sync))
        events = await workshop.run("graph", "Book both.")
        whole = workshop.store
        for frames in range(1, len(events)):
            before = events[:frames]
            workshop.store = whole
            model.asked.clear()
            booked.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            after = await client.ended(events[0].run_id)
            stored = await workshop.stored(events[0].run_id)
            told = f"killed after {frames}: {kinds(before)[-1]}"
            assert isinstance(stored[-1], AgentCompleted), (told, stored[-1])
            assert len(model.asked) == 2 - len(of(before, ModelCompleted)), told
            begun = {each.arguments["place"] for each in of(before, ToolExecuting)}
            assert set(booked) == {"rome", "oslo"} - begun, told
            assert len(booked) == len(set(booked)), told
            unknown = [each for each in of(stored, ToolCompleted) if not each.ok]
            assert len(unknown) == len(of(before, ToolExecuting)) - len(of(before, ToolCompleted)), told
            if not unknown:
                assert stored[-1].result == events[-1].result, told
                assert stored[-1].usage == events[-1].usage, told
            assert after

    async def test_the_prebuilt_agent_with_its_calls_side_by_side(
        self, workshop: Any, served: Any, chat: Any, book: Any, booked: list[str]
    ) -> None:
        model = chat(booking)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it moves to another package, and is what most graphs are
            served(create_react_agent(model, [book], prompt="You book."))
        events = await workshop.run("graph", "Book both.")
        assert ended(events)["text"] == "It is done: booked oslo."
        whole = workshop.store
        for frames in range(1, len(events)):
            before = events[:frames]
            workshop.store = whole
            model.asked.clear()
            booked.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            stored = await workshop.stored(events[0].run_id)
            told = f"killed after {frames}: {kinds(before)[-1]}"
            assert len(model.asked) == 2 - len(of(before, ModelCompleted)), told
            assert len(booked) == 2 - len(of(before, ToolExecuting)), told
            if len(of(before, ToolExecuting)) == len(of(before, ToolCompleted)):
                assert stored[-1].result == events[-1].result, told


class TestThread:
    async def test_a_later_run_goes_on_from_the_state_that_the_last_completed_one_left(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        def say(messages: Any) -> Any:
            if messages[-1].content == "break":
                return ValueError("broken")
            return AIMessage(" ".join(str(each.content) for each in messages if each.type == "human"))

        model = chat(say)
        served(react(model, []))
        client = workshop.connect("user_ada")
        other = workshop.connect("user_bob")
        first = await workshop.ask(client, "graph", "one")
        await client.ended(first.run_id)
        thread = (await client.ended(first.run_id))[0].thread_id
        failed = await workshop.ask(client, "graph", "break", thread_id=thread)
        assert isinstance((await client.ended(failed.run_id))[-1], AgentFailed)
        await workshop.kill()
        client = workshop.connect("user_ada")
        second = await workshop.ask(client, "graph", "two", thread_id=thread)
        events = await client.ended(second.run_id)
        assert ended(events)["text"] == "one two"
        assert [each["content"] for each in ended(events)["data"]["messages"]] == ["one two"]
        other = workshop.connect("user_bob")
        third = await workshop.ask(other, "graph", "three")
        assert ended(await other.ended(third.run_id))["text"] == "three"
        fresh = await workshop.ask(client, "graph", "four")
        assert ended(await client.ended(fresh.run_id))["text"] == "four"

    async def test_a_message_that_supersedes_another_does_not_see_its_state(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        model = chat(
            lambda messages: AIMessage(" ".join(str(each.content) for each in messages if each.type == "human"))
        )
        served(react(model, []))
        client = workshop.connect("user_ada")
        first = await workshop.ask(client, "graph", "one")
        thread = (await client.ended(first.run_id))[0].thread_id
        wrong = await workshop.ask(client, "graph", "worng", thread_id=thread)
        await client.ended(wrong.run_id)
        right = await workshop.ask(client, "graph", "wrong", thread_id=thread, supersedes=wrong.run_id)
        assert ended(await client.ended(right.run_id))["text"] == "one wrong"


class TestFailures:
    async def test_a_model_that_fails_ends_the_run_as_that(self, workshop: Any, served: Any, chat: Any) -> None:
        served(react(chat(lambda _: ValueError("sk-secret")), []))
        events = await workshop.run("graph")
        assert isinstance(events[-1], AgentFailed)
        assert (events[-1].error, "ValueError" in events[-1].message) == ("dependency_unavailable", True)

    async def test_a_graph_without_end_says_so(self, workshop: Any, served: Any, chat: Any) -> None:
        graph: Any = StateGraph(MessagesState)
        graph.add_node("again", lambda state: {"messages": []})
        graph.add_edge(START, "again")
        graph.add_edge("again", "again")
        served(graph.compile().with_config(recursion_limit=3))
        events = await workshop.run("graph")
        assert "recursion_limit" in events[-1].message


class TestBeside:
    async def test_a_graph_that_other_agents_ask_twice_keeps_its_checkpoints_apart(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        model = chat(
            lambda messages: AIMessage(" ".join(str(each.content) for each in messages if each.type == "human"))
        )
        served(react(model, []))

        async def outer(scope: Any) -> AgentResult:
            first = await scope.run_agent("graph", "one")
            second = await scope.run_agent("graph", "two")
            return AgentResult(f"{first.text}, {second.text}")

        workshop.agent("outer", outer)
        events = await workshop.run("outer")
        assert ended(events)["text"] == "one, two"
        whole = workshop.store
        for frames in range(1, len(events)):
            workshop.store = whole
            model.asked.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            stored = await workshop.stored(events[0].run_id)
            assert ended(stored)["text"] == "one, two", kinds(events)[:frames]
            assert len(model.asked) == 2 - len(of(events[:frames], ModelCompleted))

    async def test_tasks_of_the_functional_interface_are_not_run_again(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        model = chat(lambda messages: AIMessage(f"About {messages[-1].content}"))
        ran: list[str] = []

        @task
        async def look(name: str) -> str:
            ran.append(name)
            said: str = (await model.ainvoke(name)).text
            return said

        @entrypoint()
        async def flow(question: str) -> dict[str, Any]:
            first = look("a")
            second = look("b")
            return {"found": [await first, await second]}

        served(flow, make_input=lambda scope: scope.message)
        events = await workshop.run("graph")
        assert ended(events)["data"]["found"] == ["About a", "About b"]
        whole = workshop.store
        for frames in range(1, len(events)):
            workshop.store = whole
            model.asked.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            stored = await workshop.stored(events[0].run_id)
            assert ended(stored) == ended(events), kinds(events)[:frames]
            assert len(model.asked) == 2 - len(of(events[:frames], ModelCompleted))
