"""The store of a graph: what a user's graphs remember, and no other's."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import InjectedStore
from langgraph.store.base import BaseStore
from langgraph.types import interrupt
from typing_extensions import TypedDict

from netra_backend.app.core.events import TERMINAL, AgentCompleted, StepStarted, ToolCompleted
from netra_backend.app.core.frames import AnswerQuestion


class State(TypedDict, total=False):
    question: str
    found: list[Any]


class Asked(TypedDict):
    question: str


def graph_of(node: Any) -> Any:
    graph: Any = StateGraph(State, input_schema=Asked)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    return graph


async def found(workshop: Any, user: str, message: str = "go") -> Any:
    client = workshop.connect(user)
    accepted = await workshop.ask(client, "graph", message)
    events = await client.ended(accepted.run_id)
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events[-1].result["data"]["found"]


async def test_what_one_user_puts_no_other_finds_whatever_the_namespace(workshop: Any, served: Any) -> None:
    async def node(state: State, config: RunnableConfig, *, store: BaseStore) -> dict[str, Any]:
        user = config["configurable"]["user_id"]
        if state["question"] == "put":
            await store.aput((user, "notes"), "a", {"text": f"canary-{user}", "n": 1})
            await store.aput(("user_eve", "notes"), "b", {"text": f"canary-{user}", "n": 2})
            await store.aput((user, "notes"), "c", {"text": "gone"})
            await store.adelete((user, "notes"), "c")
        own = await store.asearch((user,), filter={"n": {"$gte": 1}})
        eve = await store.asearch(("user_eve",))
        got = await store.aget((user, "notes"), "a")
        spaces = await store.alist_namespaces()
        return {
            "found": [
                [[each.namespace, each.key, each.value] for each in own],
                [each.value["text"] for each in eve],
                None if got is None else got.value["text"],
                spaces,
            ]
        }

    served(graph_of(node))
    expected = [
        [
            [["user_ada", "notes"], "a", {"text": "canary-user_ada", "n": 1}],
            [["user_ada", "user_eve", "notes"], "b", {"text": "canary-user_ada", "n": 2}],
        ],
        ["canary-user_ada"],
        "canary-user_ada",
        [["user_ada", "notes"], ["user_ada", "user_eve", "notes"]],
    ]
    assert await found(workshop, "user_ada", "put") == expected
    assert await found(workshop, "user_ada", "look") == expected  # another run, in another thread
    assert await found(workshop, "user_eve", "look") == [[], [], None, []]


async def test_a_tool_and_a_thread_use_the_store_and_a_node_that_runs_again_puts_once(
    workshop: Any, served: Any
) -> None:
    @tool
    def remember(text: str, store: Annotated[BaseStore, InjectedStore()]) -> str:
        """Remember a text."""
        store.put(("notes",), text, {"text": text})
        return text

    async def node(state: State) -> dict[str, Any]:
        store = get_store()
        await store.aput(("notes",), "count", {"n": 1})
        await remember.ainvoke({"text": "from a tool", "store": store})
        if state["question"] == "ask":
            interrupt("Really?")
        notes = await store.asearch(("notes",))
        return {"found": [each.key for each in notes]}

    served(graph_of(node))
    assert await found(workshop, "user_ada") == ["count", "from a tool"]
    client = workshop.connect("user_bob")
    accepted = await workshop.ask(client, "graph", "ask")
    await workshop.until(lambda: workshop.questions.of("user_bob"))
    asked = workshop.questions.of("user_bob")[0].told
    await workshop.turns.commands.answer(client, AnswerQuestion(asked.question_id, "yes"))
    events = await client.ended(accepted.run_id)
    assert events[-1].result["data"]["found"] == ["count", "from a tool"]
    puts = [each.name for each in events if isinstance(each, StepStarted) and each.name.startswith("set ")]
    assert len(puts) == 4  # two pages and, twice, the index
    steps = [each.step for each in events if isinstance(each, StepStarted)]
    assert len(set(steps)) == len(steps)
    whole = workshop.store
    values = dict(whole.values)
    called = next(at for at, each in enumerate(events) if isinstance(each, ToolCompleted))
    for frames in (3, called + 1, len(events) - 2):
        workshop.store = whole
        client = await workshop.killed_after(events, "user_bob", frames, values)

        def news(client: Any = client) -> Any:
            return workshop.questions.of("user_bob") or [each for each in client.events if isinstance(each, TERMINAL)]

        await workshop.until(news)
        for each in workshop.questions.of("user_bob"):
            await workshop.turns.commands.answer(client, AnswerQuestion(each.told.question_id, "yes"))
        await client.ended(accepted.run_id)
        assert (await workshop.stored(accepted.run_id))[-1].result["data"]["found"] == ["count", "from a tool"]


async def test_the_store_used_in_an_async_node_without_await_is_refused_in_words(workshop: Any, served: Any) -> None:
    async def node(state: State) -> dict[str, Any]:
        with pytest.raises(RuntimeError, match="await the store's aget"):
            get_store().get(("notes",), "a")
        return {"found": []}

    served(graph_of(node))
    assert await found(workshop, "user_ada") == []
