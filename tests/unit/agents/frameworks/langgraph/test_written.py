"""What nodes write for the user: shown once, wherever the server was killed."""

from __future__ import annotations

import operator
from typing import Annotated, Any

from langchain_core.messages import AIMessage
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from netra_backend.app.core.events import AgentDelta, AgentThinking, ModelStarted


class State(TypedDict, total=False):
    question: str
    found: Annotated[list[str], operator.add]


class Asked(TypedDict):
    question: str


def graph_of(**nodes: Any) -> Any:
    """The nodes one after the other."""
    graph: Any = StateGraph(State, input_schema=Asked)
    last: Any = START
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(last, name)
        last = name
    return graph


def echo(messages: Any) -> AIMessage:
    return AIMessage(f"About {messages[-1].content}")


def of(events: list[Any], kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


class TestWritten:
    async def test_it_says_which_nodes_are_run_again_and_what_was_written_is_shown_once(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        model = chat(echo)
        seen: list[str] = []

        async def first(state: Any) -> dict[str, Any]:
            seen.append("first")
            get_stream_writer()("one ")
            return {"found": [(await model.ainvoke("first")).text]}

        async def second(state: Any) -> dict[str, Any]:
            seen.append("second")
            get_stream_writer()("two")
            get_stream_writer()({"step": 2})
            return {"found": [(await model.ainvoke("second")).text]}

        served(graph_of(first=first, second=second))
        events = await workshop.run("graph")
        assert [each.text for each in of(events, AgentThinking)] == ['{"step": 2}']
        started = [at for at, each in enumerate(events) if isinstance(each, ModelStarted)]
        whole = workshop.store
        for frames in range(1, len(events)):
            workshop.store = whole
            seen.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            stored = await workshop.stored(events[0].run_id)
            written = [each.text for each in of(stored, AgentDelta) if each.step]
            assert written == ["one ", "two"]
            again = [each.text for each in of(stored, AgentThinking) if each.text.startswith("Going on")]
            if frames > started[1]:
                assert seen in (["second"], [])
                if seen:
                    assert "from the start: second." in again[0]

    async def test_a_node_that_asks_its_user_writes_once(self, workshop: Any, served: Any, answered: Any) -> None:
        async def ask(state: Any) -> dict[str, Any]:
            for _ in range(2):
                get_stream_writer()("same ")
            return {"found": [interrupt("Well?")]}

        served(graph_of(ask=ask))
        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        events = await answered(client, accepted.run_id, lambda _: "yes")
        assert [each.text for each in of(events, AgentDelta)] == ["same ", "same "]
