"""Chat models in served runs: streamed to the user, and to nobody twice."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from netra_backend.app.agents.frameworks.langgraph.chat_models import install
from netra_backend.app.core.events import (
    AgentCancelled,
    AgentCompleted,
    AgentDelta,
    ApprovalRequested,
    ModelCompleted,
    ModelStarted,
)


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


def of(events: list[Any], kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


def found(events: list[Any]) -> Any:
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events[-1].result["data"]["found"]


def echo(messages: Any) -> AIMessage:
    return AIMessage(f"About {messages[-1].content}")


class TestStreaming:
    @pytest.mark.parametrize("sync", [False, True], ids=["async", "thread"])
    async def test_a_node_that_streams_a_model_gets_what_a_replay_gives_it(
        self, workshop: Any, served: Any, chat: Any, sync: bool
    ) -> None:
        model = chat(echo)

        async def node(state: Any) -> dict[str, Any]:
            return {"found": [chunk.text async for chunk in model.astream("a")]}

        def node_in_thread(state: Any) -> dict[str, Any]:
            return {"found": [chunk.text for chunk in model.stream("a")]}

        served(graph_of(node_in_thread if sync else node))
        events = await workshop.run("graph")
        assert found(events) == ["About a"]
        assert "".join(each.text for each in of(events, AgentDelta)) == "About a"
        assert len(model.asked) == len(of(events, ModelStarted)) == 1

    async def test_the_pieces_of_a_tool_call_and_of_a_usage_come_in_the_only_chunk(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        model = chat(lambda _: AIMessage("", tool_calls=[{"name": "book", "args": {"a": 1}, "id": "1"}]))
        seen: list[AIMessageChunk] = []

        async def node(state: Any) -> dict[str, Any]:
            seen.extend([chunk async for chunk in model.astream("a")])
            return {}

        served(graph_of(node))
        await workshop.run("graph")
        assert (seen[0].tool_calls[0]["args"], seen[0].usage_metadata) == (
            {"a": 1},
            {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        )
        assert seen[0].chunk_position == "last"

    async def test_what_is_tagged_nostream_is_not_shown(self, workshop: Any, served: Any, chat: Any) -> None:
        model = chat(echo).with_config(tags=["nostream"])

        async def node(state: Any) -> dict[str, Any]:
            return {"found": [(await model.ainvoke("a")).text]}

        served(graph_of(node))
        events = await workshop.run("graph")
        assert found(events) == ["About a"]
        assert of(events, AgentDelta) == []

    async def test_a_model_that_does_not_stream_is_shown_whole_with_its_reasoning(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        content: list[Any] = [{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": "Yes."}]
        model = chat(lambda _: AIMessage(content))
        model.disable_streaming = True

        async def node(state: Any) -> dict[str, Any]:
            return {"found": [(await model.ainvoke("a")).text]}

        served(graph_of(node))
        events = await workshop.run("graph")
        assert found(events) == ["Yes."]
        assert [(each.kind, each.text) for each in of(events, AgentDelta)] == [("reasoning", "Hm."), ("", "Yes.")]


class TestElsewhere:
    async def test_outside_of_served_runs_models_are_as_they_were(self, chat: Any) -> None:
        install()
        model = chat(echo)
        assert (await model.ainvoke("a")).text == "About a"
        assert model.invoke("b").text == "About b"
        assert [chunk.text async for chunk in model.astream("c d")] == ["About", " c", " d", "", ""]
        assert [chunk.text for chunk in model.stream("e")][:2] == ["About", " e"]
        stream = model.astream("f")
        await anext(stream)
        await stream.aclose()

    async def test_a_model_asked_in_async_code_without_await_is_refused_in_words(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        model = chat(echo)

        async def node(state: Any) -> dict[str, Any]:
            with pytest.raises(RuntimeError, match="await ainvoke"):
                model.invoke("a")
            return {"found": []}

        served(graph_of(node))
        assert found(await workshop.run("graph")) == []


class TestStopping:
    async def test_a_run_that_is_stopped_while_a_model_answers_ends_and_is_told_what_it_asked(
        self, workshop: Any, served: Any, chat: Any
    ) -> None:
        begun = asyncio.Event()
        model = chat(echo)

        class Slow(type(model)):  # type: ignore[misc]
            async def _astream(self, messages: Any, stop: Any = None, run_manager: Any = None, **options: Any) -> Any:
                begun.set()
                await asyncio.get_running_loop().create_future()
                yield

        slow = Slow(say=echo, asked=[])

        async def node(state: Any) -> dict[str, Any]:
            return {"found": [(await slow.ainvoke("a")).text]}

        served(graph_of(node))
        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        await begun.wait()
        await workshop.cancel(client, accepted.run_id)
        events = await client.ended(accepted.run_id)
        assert isinstance(events[-1], AgentCancelled)
        assert len(of(events, ModelStarted)) == 1
        assert [each.finish_reason for each in of(events, ModelCompleted)] in ([], ["cancelled"])

    async def test_a_thread_that_waits_for_a_users_word_ends_with_its_run(self, workshop: Any, served: Any) -> None:
        ended = threading.Event()

        @tool
        def pay() -> str:
            """Pay."""
            return "paid"

        pay.metadata = {"netra": {"approval": True}}

        def node(state: Any) -> dict[str, Any]:
            try:
                pay.invoke({})
            finally:
                ended.set()
            return {}

        served(graph_of(node))
        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        await client.saw(ApprovalRequested)
        await workshop.cancel(client, accepted.run_id)
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCancelled)
        assert await asyncio.to_thread(ended.wait, 10)
