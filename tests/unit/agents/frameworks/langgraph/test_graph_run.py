"""The places of calls in a run of a graph: the same in every attempt at it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from netra_backend.app.agents.frameworks.langgraph.graph_run import GraphRun, inside, node_run, serving, store_branch
from netra_backend.app.agents.supervisor.branches import Performing, current, on_branch
from netra_backend.app.core.events import AgentFailed, ModelCompleted, ModelStarted
from netra_backend.app.core.step_keys import Branch

PULL = ("__pregel_pull", "look")


class State(TypedDict, total=False):
    question: str
    found: list[str]


class Asked(TypedDict):
    question: str


def graph_of(node: Any) -> Any:
    graph: Any = StateGraph(State, input_schema=Asked)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    return graph


@pytest.fixture
async def run() -> GraphRun:
    steps: Any = None
    return GraphRun(steps, asyncio.get_running_loop(), "")


class TestPaths:
    async def test_a_nodes_path_is_its_place_in_the_graph_and_not_its_task(self, run: GraphRun) -> None:
        for task in ("1", "2"):
            run.enter_node("look", 3, PULL, f"look:{task}")
            assert current().path == node_run().path == "look@3/"
            run.enter_node("inner", 1, PULL, f"look:{task}|inner:7")
            assert current().path == "look@3/inner@1/"
            run.enter_node("inner", 1, PULL, f"look:{task}|2|inner:8")
            assert current().path == "look@3/2.inner@1/"

    async def test_nodes_that_are_sent_are_told_apart(self, run: GraphRun) -> None:
        paths = []
        for number in range(2):
            run.enter_node("each", 1, ("__pregel_push", number, False), f"each:{number}")
            paths.append(current().path)
        assert len(set(paths)) == 2
        assert all(path.startswith("each@1.") for path in paths)

    async def test_what_is_over_is_what_was_not_run_here(self, run: GraphRun) -> None:
        run.enter_node("look", 3, PULL, "look:1")
        assert not run.is_over("look@3/model.1/model#1")
        assert not run.is_over("look@3/call_1.1/tool:book#1")
        assert run.is_over("look@3/inner@1/model.1/model#1")  # a subgraph went on from its own checkpoint
        assert run.is_over("look@2/model.1/model#1")
        assert run.is_over("look@3/call_1.1/inside/store.1/state:get#1")
        assert run.is_over("record:checkpoint=1#1")
        below = GraphRun(run.steps, run.loop, "agent.below.1/")
        assert not below.is_over("look@2/model.1/model#1")

    async def test_a_failed_call_is_made_anew_and_an_ended_superstep_is_forgotten(self, run: GraphRun) -> None:
        assert run.attempt("a/").path == "a/"
        run.failed("a/")
        run.failed("a/")
        assert run.attempt("a/").path == "a/again.2/"
        run.answers["b/"] = b"x"
        run.forget()
        assert (run.attempt("a/").path, run.answers) == ("a/", {})

    async def test_the_store_has_places_of_its_own_inside_of_a_tool(self, run: GraphRun) -> None:
        run.enter_node("look", 3, PULL, "look:1")
        assert [store_branch().path for _ in range(2)] == ["look@3/store.1/", "look@3/store.2/"]
        with inside("look@3/call_1.1/"), on_branch(Performing("book", "run_1:1")):
            assert [store_branch().path for _ in range(2)] == [
                f"look@3/call_1.1/inside/store.{number}/" for number in (1, 2)
            ]


class TestServing:
    async def test_what_a_thread_waits_for_ends_with_the_run(self, run: GraphRun) -> None:
        with run.active():
            waiting = asyncio.create_task(run.of_thread(run.loop.create_future()))
            assert await asyncio.create_task(run.of_thread(asyncio.sleep(0, "soon"))) == "soon"
        for _ in range(3):
            await asyncio.sleep(0)
        assert waiting.cancelled()

    async def test_a_run_is_found_where_it_is_active_and_not_inside_of_a_step(self, run: GraphRun) -> None:
        assert serving() is None
        with run.active():
            assert serving() is run
            assert await asyncio.create_task(asyncio.to_thread(serving)) is run
            with on_branch(Performing("book", "run_1:1")):
                assert serving() is None
        assert serving() is None
        with on_branch(Branch("x/")):
            assert node_run().path == "x/"


class TestDeterminism:
    async def test_a_node_that_asks_for_another_thing_when_it_is_run_again_ends_the_run(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        words = ["one", "two"]
        model = chat(lambda _: AIMessage("said"))

        async def node(state: Any) -> dict[str, Any]:
            await model.ainvoke(words[0])
            await model.ainvoke("then")
            return {}

        served(graph_of(node))
        events = await workshop.run("graph")
        words.pop(0)
        after = next(at for at, each in enumerate(events) if isinstance(each, ModelCompleted))
        client = await workshop.killed_after(events, "user_ada", after + 1)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        assert isinstance(stored[-1], AgentFailed)
        assert "not deterministic" in stored[-1].message

    async def test_code_that_catches_everything_and_tries_again_does_not_get_further(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        words = ["one", "two"]
        model = chat(lambda _: AIMessage("said"))

        async def node(state: Any) -> dict[str, Any]:
            for _ in range(3):
                with contextlib.suppress(Exception):
                    await model.ainvoke(words[0])
            return {}

        served(graph_of(node))
        events = await workshop.run("graph")
        words.pop(0)
        model.asked.clear()
        after = next(at for at, each in enumerate(events) if isinstance(each, ModelCompleted))
        client = await workshop.killed_after(events, "user_ada", after + 1)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        assert isinstance(stored[-1], AgentFailed)
        assert "now asks for" in stored[-1].message
        assert model.asked == []

    async def test_a_node_that_does_not_ask_again_for_what_it_asked_ends_the_run(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        asks = [True]
        model = chat(lambda _: AIMessage("said"))

        async def node(state: Any) -> dict[str, Any]:
            if asks:
                await model.ainvoke("one")
            return {}

        served(graph_of(node))
        events = await workshop.run("graph")
        asks.clear()
        after = next(at for at, each in enumerate(events) if isinstance(each, ModelStarted))
        client = await workshop.killed_after(events, "user_ada", after + 1)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        assert isinstance(stored[-1], AgentFailed)
        assert "has not asked for it again" in stored[-1].message
