"""The model of the frameworks' agents goes by what it is shown: whose turn it is, and what came of the calls."""

from __future__ import annotations

from typing import Any

import pytest

from test_framework.chaos.framework_script import (
    FRAMEWORKS,
    LANGGRAPH,
    OPENAI_AGENTS,
    PYDANTIC_AI,
    answer,
    state_of,
    text_of_turn,
    turns_of,
)
from test_framework.scripted_model import ModelRequest
from test_framework.simulation.workers import Plan

PLAN = Plan("ada.0-7", "ada", ())
ASKS = {"role": "user", "content": PLAN.encoded()}


def chat(model: str, *said: dict[str, Any]) -> ModelRequest:
    earlier = [{"role": "user", "content": Plan("ada.0-6", "ada", ()).encoded()}, {"role": "assistant", "content": "x"}]
    return ModelRequest({"model": model, "messages": [*earlier, ASKS, *said]})


def returned(call: str, content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"call_{call}", "content": content}


def responses(*items: dict[str, Any]) -> ModelRequest:
    content = [{"type": "input_text", "text": PLAN.encoded()}]
    return ModelRequest({"model": OPENAI_AGENTS, "input": [{"role": "user", "content": content}, *items]})


BOTH = (returned("x_charge_1", '{"user":"ada","number":1}'), returned("x_charge_0", "OUTCOME_UNKNOWN: nobody knows"))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_it_begins_with_two_calls_in_parallel(framework: str) -> None:
    said = answer(chat(framework))
    assert said.text == PLAN.text(0)
    assert said.tool_calls == [("charge", {"number": 0}), ("charge", {"number": 1})]


def test_it_then_asks_the_user_by_the_tool_of_the_framework() -> None:
    said = {framework: answer(chat(framework, *BOTH)).tool_calls for framework in (PYDANTIC_AI, OPENAI_AGENTS)}
    assert said[PYDANTIC_AI] == [("choose", {"question": PLAN.text(2)})]
    assert said[OPENAI_AGENTS] == [("gate", {"number": 2})]


def test_it_ends_with_what_came_of_each_call_in_its_place() -> None:
    said = answer(chat(LANGGRAPH, *BOTH, {"role": "user", "content": "ada/ada.0-7/2=phone"}))
    assert said.text == f'{PLAN.text(3)} ["OUTCOME_UNKNOWN", 1, "ada/ada.0-7/2=phone"]'
    assert said.tool_calls == []


def test_it_reads_the_other_api_too() -> None:
    outputs = [
        {"type": "function_call_output", "call_id": f"call_{call}", "output": output}
        for call, output in (
            ("x_gate_0", '{"error": {"code": "APPROVAL_DENIED"}}'),
            ("x_charge_1", "{'user': 'ada', 'number': 1}"),
            ("x_charge_0", "{'user': 'ada', 'number': 0}"),
        )
    ]
    assert state_of(responses(*outputs)) == (PLAN, 2, [0, 1, "APPROVAL_DENIED"])


def test_a_request_that_is_no_turn_of_a_plan_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ada\.0-7 has 1 results"):
        answer(chat(PYDANTIC_AI, BOTH[0]))
    with pytest.raises(ValueError, match="without a plan"):
        answer(ModelRequest({"model": PYDANTIC_AI, "messages": [{"role": "user", "content": "hello"}]}))


def test_a_graph_is_asked_twice_and_others_three_times() -> None:
    assert {framework: turns_of(framework) for framework in FRAMEWORKS} == {
        PYDANTIC_AI: (0, 1, 2),
        LANGGRAPH: (0, 2),
        OPENAI_AGENTS: (0, 1, 2),
    }
    assert [text_of_turn(PLAN, turn, [1]) for turn in range(3)] == [PLAN.text(0), PLAN.text(1), f"{PLAN.text(3)} [1]"]
