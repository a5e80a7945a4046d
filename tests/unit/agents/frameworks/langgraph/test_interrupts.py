"""``interrupt`` in graphs: questions to the run's user, answered once, wherever the server was killed."""

from __future__ import annotations

import operator
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from netra_backend.app.core.errors import FrameRefused
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentFailed,
    ModelCompleted,
    QuestionAsked,
    ToolCompleted,
    ToolExecuting,
)
from netra_backend.app.services.answer_schemas import AnswerSchema
from test_framework.counted_tool import kinds


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


def data_of(events: list[Any]) -> Any:
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events[-1].result["data"]


class TestInterrupt:
    async def test_interrupts_are_questions_several_at_once_and_in_subgraphs(
        self, workshop: Any, served: Any, chat: Any, answered: Any
    ) -> None:
        model = chat(echo)
        effects: list[str] = []

        @tool
        def pay(amount: int) -> str:
            """Pay."""
            effects.append(f"pay {amount}")
            return f"paid {amount}"

        async def inner(state: Any) -> dict[str, Any]:
            first = await model.ainvoke("inner")
            amount = interrupt("How much?", response_schema={"type": "integer"})
            paid = await pay.ainvoke({"amount": amount})
            again = interrupt({"sure": amount})
            return {"found": [first.text, paid, f"{again}"]}

        sub = graph_of(inner=inner).compile()

        async def beside(state: Any) -> dict[str, Any]:
            return {"found": [f"beside {interrupt('And you?')}"]}

        graph = graph_of(sub=sub)
        graph.add_node("beside", beside)
        graph.add_edge(START, "beside")
        served(graph)

        def answer(event: Any) -> Any:
            return 7 if event.text == "How much?" else "yes"

        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        events = await answered(client, accepted.run_id, answer)
        assert sorted(data_of(events)["found"]) == ["About inner", "beside yes", "paid 7", "yes"]
        assert effects == ["pay 7"]
        assert len(model.asked) == 1
        assert [(each.text, each.schema) for each in of(events, QuestionAsked)] == [
            ("How much?", {"type": "integer"}),
            ("And you?", {"not": {"type": "null"}}),
            ('{"sure": 7}', {"not": {"type": "null"}}),
        ]
        whole = workshop.store
        for frames in range(1, len(events)):
            before = events[:frames]
            workshop.store = whole
            model.asked.clear()
            effects.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            stored = await answered(client, accepted.run_id, answer)
            told = f"killed after {frames}: {kinds(before)[-1]}"
            assert len(model.asked) == 1 - len(of(before, ModelCompleted)), told
            assert len(effects) == 1 - len(of(before, ToolExecuting)), told
            if len(of(before, ToolExecuting)) > len(of(before, ToolCompleted)):
                assert isinstance(stored[-1], AgentFailed), told  # nobody asked for this call but the node's own code
            else:
                assert len(of(stored, QuestionAsked)) == 3, told
                assert sorted(data_of(stored)["found"]) == sorted(data_of(events)["found"]), told

    async def test_a_question_takes_no_null_and_not_more_text_than_a_question_may_have(
        self, workshop: Any, served: Any, answered: Any
    ) -> None:
        async def ask(state: Any) -> dict[str, Any]:
            return {"found": [interrupt({"long": "ä" * 20_000}), interrupt("")]}

        served(graph_of(ask=ask))
        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        events = await answered(client, accepted.run_id, lambda _: "yes")
        assert data_of(events)["found"] == ["yes", "yes"]
        first, second = of(events, QuestionAsked)
        assert 0 < len(first.text.encode()) <= workshop.limits.ask_bytes
        assert first.text.startswith('{"long": "ä')
        assert (second.text, second.schema) == ("?", {"not": {"type": "null"}})

    async def test_a_review_of_calls_takes_a_decision_on_each_and_nothing_else(
        self, workshop: Any, served: Any, answered: Any
    ) -> None:
        calls = [{"name": "pay", "args": {"what": "200"}}, {"name": "order", "args": {}}]
        reviews = [
            {"action_name": "pay", "allowed_decisions": ["approve", "edit"]},
            {"action_name": "order", "allowed_decisions": ["approve", "reject"]},
        ]

        async def ask(state: Any) -> dict[str, Any]:
            decisions = interrupt({"action_requests": calls, "review_configs": reviews})["decisions"]
            return {"found": [each["type"] for each in decisions]}

        served(graph_of(ask=ask))
        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        action = {"name": "pay", "args": {"what": "2"}}
        good = {"decisions": [{"type": "edit", "edited_action": action}, {"type": "reject", "message": "No cake."}]}
        events = await answered(client, accepted.run_id, lambda _: good)
        assert data_of(events)["found"] == ["edit", "reject"]
        (question,) = of(events, QuestionAsked)
        schema = AnswerSchema(question.schema, workshop.limits)
        wrongs: list[Any] = [
            "y",
            {},
            {"decisions": []},
            {"decisions": [{"type": "approve"}]},
            {"decisions": [{"type": "approve"}] * 3},
            {"decisions": [{"type": "edit"}, {"type": "approve"}]},
            {"decisions": [{"type": "reject"}, {"type": "approve"}]},
            {"decisions": [{"type": "approve"}, {"type": "edit", "edited_action": action}]},
            {"decisions": [{"type": "respond", "message": "a"}, {"type": "approve"}]},
        ]
        for wrong in wrongs:
            with pytest.raises(FrameRefused):
                schema.judge(wrong)

    async def test_what_only_looks_like_a_review_is_a_question_like_any_other(
        self, workshop: Any, served: Any, answered: Any
    ) -> None:
        async def ask(state: Any) -> dict[str, Any]:
            strange: list[Any] = [[{"name": "pay"}], [{"name": []}], ["pay"]]
            return {"found": [interrupt({"action_requests": each, "review_configs": []}) for each in strange]}

        served(graph_of(ask=ask))
        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        events = await answered(client, accepted.run_id, lambda _: "yes")
        assert data_of(events)["found"] == ["yes"] * 3

    async def test_a_run_that_waits_for_an_answer_can_be_stopped(self, workshop: Any, served: Any) -> None:
        async def ask(state: Any) -> dict[str, Any]:
            return {"found": [interrupt("Well?")]}

        served(graph_of(ask=ask))
        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        await client.saw(QuestionAsked)
        await workshop.cancel(client, accepted.run_id)
        events = await client.ended(accepted.run_id)
        assert kinds(events)[-1] == "AgentCancelled"

    async def test_answers_go_to_the_questions_that_they_were_given_to(
        self, workshop: Any, served: Any, answered: Any
    ) -> None:
        @tool
        def book() -> str:
            """Book."""
            return str(interrupt("Where?"))

        async def ask(state: Any) -> dict[str, Any]:
            return {"found": [await book.ainvoke({}), interrupt("When?"), await book.ainvoke({}), interrupt("Why?")]}

        served(graph_of(ask=ask))
        client = workshop.connect("user_ada")
        accepted = await workshop.ask(client, "graph")
        said = iter(range(9))
        events = await answered(client, accepted.run_id, lambda each: f"{each.text} {next(said)}")
        assert data_of(events)["found"] == ["Where? 0", "When? 1", "Where? 2", "Why? 3"]
