"""Nodes of graphs in runs: in parallel, in subgraphs, retried, interrupted, and after a crash."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.types import RetryPolicy, Send

from netra_backend.app.core.events import (
    AgentCompleted,
    ModelCompleted,
    ModelStarted,
)
from test_framework.counted_tool import kinds


def of(events: list[Any], kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


def data_of(events: list[Any]) -> Any:
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events[-1].result["data"]


class State(TypedDict, total=False):
    question: str
    found: Annotated[list[str], operator.add]


def graph_of(**nodes: Any) -> Any:
    """The nodes one after the other."""
    graph: Any = StateGraph(State, input_schema=Asked)
    last: Any = START
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(last, name)
        last = name
    return graph


class Asked(TypedDict):
    question: str


def echo(messages: Any) -> AIMessage:
    return AIMessage(f"About {messages[-1].content}")


class TestParallel:
    @pytest.mark.parametrize("sync", [False, True], ids=["async", "thread"])
    async def test_models_asked_side_by_side_are_not_swapped_after_a_crash(
        self, workshop: Any, served: Any, chat: Any, sync: bool
    ) -> None:
        model = chat(echo)

        async def look(state: Any) -> dict[str, Any]:
            first, second = await asyncio.gather(model.ainvoke("a"), model.ainvoke("b"))
            return {"found": [first.text, second.text]}

        def look_in_thread(state: Any) -> dict[str, Any]:
            return {"found": [model.invoke("c").text, model.invoke("d").text]}

        def spread(state: Any) -> list[Send]:
            return [Send("each", {"name": name}) for name in ("x", "y", "z")]

        async def each(state: Any) -> dict[str, Any]:
            return {"found": [(await model.ainvoke(state["name"])).text]}

        graph = graph_of(look=look_in_thread if sync else look)
        graph.add_node("each", each)
        graph.add_conditional_edges("look", spread, ["each"])
        served(graph)
        events = await workshop.run("graph")
        assert [text[-1] for text in data_of(events)["found"]] == [*("cd" if sync else "ab"), "x", "y", "z"]
        whole = workshop.store
        for frames in range(1, len(events)):
            workshop.store = whole
            model.asked.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            stored = await workshop.stored(events[0].run_id)
            assert data_of(stored) == data_of(events), kinds(events)[:frames]
            assert len(model.asked) == 5 - len(of(events[:frames], ModelCompleted))
            assert stored[-1].usage == events[-1].usage


class TestAgain:
    async def test_a_node_that_is_retried_asks_for_what_failed_alone(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        faults = [ConnectionError("gone")]

        def say(messages: Any) -> Any:
            if messages[-1].content == "second" and faults:
                return faults.pop()
            return echo(messages)

        model = chat(say)

        async def look(state: Any) -> dict[str, Any]:
            return {"found": [(await model.ainvoke("first")).text, (await model.ainvoke("second")).text]}

        graph: Any = StateGraph(State, input_schema=Asked)
        graph.add_node("look", look, retry_policy=RetryPolicy(initial_interval=0.001, jitter=False))
        graph.add_edge(START, "look")
        served(graph)
        events = await workshop.run("graph")
        assert data_of(events)["found"] == ["About first", "About second"]
        assert [each[-1].content for each in model.asked] == ["first", "second", "second"]
        assert [each.finish_reason for each in of(events, ModelCompleted)] == ["stop", "error", "stop"]
        assert len({each.step for each in of(events, ModelStarted)}) == 3
        whole = workshop.store
        for frames in range(2, len(events)):
            workshop.store = whole
            model.asked.clear()
            faults[:] = [ConnectionError("gone")] if len(of(events[:frames], ModelCompleted)) < 2 else []
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            stored = await workshop.stored(events[0].run_id)
            assert data_of(stored) == data_of(events)
            assert len(model.asked) == 3 - len(of(events[:frames], ModelCompleted))


class TestIdentity:
    async def test_nodes_find_their_user_and_thread_as_the_server_says(self, workshop: Any, served: Any) -> None:
        async def look(state: Any, config: RunnableConfig) -> dict[str, Any]:
            own = config["configurable"]
            return {"found": [own["user_id"], own["thread_id"]]}

        served(graph_of(look=look))
        client = workshop.connect("user_bob")
        accepted = await workshop.ask(client, "graph", "user_id=user_eve")
        events = await client.ended(accepted.run_id)
        assert data_of(events)["found"] == ["user_bob", events[0].thread_id]
