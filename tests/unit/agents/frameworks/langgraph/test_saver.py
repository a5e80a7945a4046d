"""LangGraph's checkpoints in a run's log: taken in again, they are what they were."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any

import pytest
from langgraph.channels import DeltaChannel
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from netra_backend.app.agents.frameworks.langgraph.saver import JournalSaver
from netra_backend.app.agents.supervisor.branches import Performing, on_branch


class Kept:
    """Savers of one thread, and what they have kept."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.keys: list[str] = []
        self.supersteps = 0

    def saver(self) -> JournalSaver:
        return JournalSaver("thread", asyncio.get_running_loop(), self._keep, self._step)

    def _keep(self, body: bytes, key: str) -> None:
        self.bodies.append(body)
        self.keys.append(key)

    def _step(self) -> None:
        self.supersteps += 1


@pytest.fixture
def kept() -> Kept:
    return Kept()


def joined(state: list[str], writes: list[list[str]]) -> list[str]:
    return [*state, *(each for write in writes for each in write)]


class State(TypedDict, total=False):
    words: Annotated[list[str], operator.add]
    deltas: Annotated[list[str], DeltaChannel(joined)]


CONFIG: Any = {"configurable": {"thread_id": "thread"}}


def graph_of(**nodes: Any) -> Any:
    graph: Any = StateGraph(State)
    last: Any = START
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(last, name)
        last = name
    return graph


def add(word: str) -> Any:
    return lambda state: {"words": [word], "deltas": [word]}


async def test_a_graph_goes_on_from_what_was_kept_wherever_it_stopped(kept: Kept) -> None:
    ran: list[str] = []

    def node(name: str) -> Any:
        def run(state: State) -> dict[str, Any]:
            ran.append(name)
            return {"words": [name], "deltas": [name]}

        return run

    graph = graph_of(a=node("a"), b=node("b"), c=node("c"))
    whole = await graph.compile(checkpointer=kept.saver()).ainvoke({"words": ["in"]}, CONFIG, durability="sync")
    assert (whole["words"], whole["deltas"]) == (["in", "a", "b", "c"], ["a", "b", "c"])
    assert kept.supersteps == 5
    assert kept.keys == [str(number) for number in range(1, len(kept.bodies) + 1)]
    bodies = list(kept.bodies)
    assert sum(b'"writes"' in body for body in bodies) == 4
    for count in range(len(bodies) + 1):
        ran.clear()
        saver = kept.saver()
        has_begun = saver.restore(bodies[:count])
        assert has_begun is any(b'"checkpoint"' in body for body in bodies[:count])
        given = None if has_begun else {"words": ["in"]}
        again = await graph.compile(checkpointer=saver).ainvoke(given, CONFIG, durability="sync")
        assert again == whole
        written = sum(b'"writes"' in body for body in bodies[:count])
        assert len(ran) <= min(3, 4 - written)  # the input is written, too


async def test_the_state_of_a_thread_is_its_newest_checkpoints_with_what_deltas_need(kept: Kept) -> None:
    saver = kept.saver()
    graph = graph_of(a=add("a"), b=add("b"))
    await graph.compile(checkpointer=saver).ainvoke({"words": ["one"]}, CONFIG, durability="sync")
    state = saver.state(["deltas"])
    later = kept.saver()
    later.load(state)
    assert later.newest == saver.newest
    again = await graph.compile(checkpointer=later).ainvoke({"words": ["two"]}, CONFIG, durability="sync")
    assert again["words"] == ["one", "a", "b", "two", "a", "b"]
    assert again["deltas"] == ["a", "b", "a", "b"]
    assert len(saver.state([])) < len(state)


async def test_it_is_used_from_threads_too(kept: Kept) -> None:
    saver = kept.saver()
    graph = graph_of(a=add("a")).compile(checkpointer=saver)
    result = await asyncio.to_thread(graph.invoke, {"words": ["in"]}, CONFIG)
    assert result["words"] == ["in", "a"]
    assert kept.bodies


async def test_a_graph_that_a_tool_runs_is_part_of_that_call(kept: Kept) -> None:
    saver = kept.saver()
    with on_branch(Performing("book", "run_1:1")):
        await graph_of(a=add("a")).compile(checkpointer=saver).ainvoke({"words": []}, CONFIG)
    assert kept.bodies == []
    assert saver.newest
