"""What of a graph is served, and what is refused, in words that say what to change."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore
from typing_extensions import TypedDict

from netra_backend.app.agents.frameworks.langgraph.served import servable, serve


class Two(TypedDict):
    a: str
    b: str


class Who(TypedDict):
    user: str


def graph() -> Any:
    made: Any = StateGraph(MessagesState)
    made.add_node("say", lambda state: {"messages": ["hello"]})
    made.add_edge(START, "say")
    return made


def outer(**options: Any) -> Any:
    made: Any = StateGraph(MessagesState)
    made.add_node("inner", graph().compile(**options))
    made.add_edge(START, "inner")
    return made


REFUSED: list[tuple[Any, str]] = [
    (lambda: graph().compile(checkpointer=InMemorySaver()), "The graph has a checkpointer: compile it without"),
    (lambda: graph().compile(checkpointer=True), "compile it without"),
    (lambda: graph().compile(checkpointer=False), "compile it without"),
    (lambda: outer(checkpointer=InMemorySaver()), "The subgraph inner has a checkpointer"),
    (lambda: outer(cache=InMemoryCache()), "The subgraph inner has a cache"),
    (lambda: outer(interrupt_before="*"), "The subgraph inner stops at nodes"),
    (lambda: graph().compile(store=InMemoryStore()), "has a store: compile it without"),
    (lambda: graph().compile(cache=InMemoryCache()), "has a cache, which all users would share"),
    (lambda: graph().compile(interrupt_before=["say"]), "call interrupt"),
    (lambda: graph().compile(interrupt_after="*"), "call interrupt"),
    (lambda: graph().compile().with_config(configurable={"thread_id": "mine"}), "sets thread_id: the server does"),
    (lambda: graph().compile().with_config(configurable={"user_id": "eve"}), "sets user_id: the server does"),
]


@pytest.mark.parametrize(("make", "words"), REFUSED)
def test_a_graph_that_brings_what_is_the_servers_is_refused(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        servable(make())


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(TypeError, match="takes a StateGraph"):
        servable(lambda: None)


def test_an_input_that_is_more_than_a_message_must_be_made() -> None:
    made: Any = StateGraph(Two)
    made.add_node("say", lambda state: {})
    made.add_edge(START, "say")
    options: dict[str, Any] = {
        "context": None,
        "user_mcp": False,
        "version": None,
        "compatible_versions": (),
        "module": __name__,
    }
    with pytest.raises(ValueError, match="make_input"):
        serve(made, name="two", description=None, make_input=None, **options)
    agent: Any = serve(made, name="two", description="Says.", make_input=lambda scope: {"a": "", "b": ""}, **options)
    assert (agent().name, agent().description, agent().tools) == ("two", "Says.", frozenset())
    assert len(agent().version) == 16
    assert agent() is not agent()


async def test_an_input_and_a_runtime_context_are_made_of_the_run(workshop: Any, served: Any) -> None:
    async def say(state: Any, runtime: Runtime[Any]) -> dict[str, Any]:
        return {"b": f"{state['a']} {runtime.context['user']}"}

    made: Any = StateGraph(Two, context_schema=Who)
    made.add_node("say", say)
    made.add_edge(START, "say")

    async def make_input(scope: Any) -> dict[str, str]:
        return {"a": scope.message.upper(), "b": ""}

    served(made, make_input=make_input, context=lambda context: {"user": context.user_id})
    client = workshop.connect("user_ada")
    accepted = await workshop.ask(client, "graph", "hello")
    events = await client.ended(accepted.run_id)
    assert events[-1].result == {"text": "HELLO user_ada", "data": {"a": "HELLO", "b": "HELLO user_ada"}}
