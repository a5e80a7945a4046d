"""What is recorded of a chat model's request and response."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from netra_backend.app.agents.frameworks.langgraph.responses import (
    failed_response,
    request_of,
    response_of,
    result_of,
    usage_of,
)


def answer(**more: Any) -> AIMessage:
    return AIMessage("Yes.", id="run-1", **more)


def told(model: Any, messages: list[Any], **options: Any) -> str:
    return request_of(model, messages, None, options).fingerprint


def test_a_request_is_known_by_what_is_sent_of_it(chat: Any) -> None:
    model = chat(None)
    call = {"name": "book", "args": {"a": 1}, "id": "1"}
    messages = [HumanMessage("a", id="1"), AIMessage("", tool_calls=[call], id="2"), ToolMessage("b", tool_call_id="1")]
    same = [HumanMessage("a", id="x"), AIMessage("", tool_calls=[call], id="y"), ToolMessage("b", tool_call_id="1")]
    assert told(model, messages) == told(model, same)
    others: list[str] = [
        told(model, messages[:2]),
        told(model, messages, tools=["book"]),
        told(model, [HumanMessage("c"), *messages[1:]]),
        told(model, [*messages[:2], ToolMessage("b", tool_call_id="2")]),
        told(chat(None).model_copy(update={"say": 1}), messages, temperature=1),
    ]
    assert len({told(model, messages), *others}) == len(others) + 1
    assert told(model, messages, parse=object()) == told(model, messages, parse=object())
    request = request_of(model, messages, ["stop"], {"max_tokens": 7})
    assert (request.model, request.texts, request.max_tokens) == ("ScriptedChat", ("a", "", "b"), 7)


def test_a_time_in_the_instructions_is_no_other_request(chat: Any) -> None:
    model = chat(None)

    def asked(instructions: Any) -> str:
        return told(model, [SystemMessage(instructions), HumanMessage("a")])

    assert asked("It is 2026-11-30 08:01.") == asked("It is 2026-12-01 17:59.")
    assert asked([{"type": "text", "text": "At 8."}]) == asked([{"type": "text", "text": "At 10."}])
    assert asked("You are Ada. It is 8:01.") != asked("You are Bob. It is 8:01.")
    assert told(model, [HumanMessage("1")]) != told(model, [HumanMessage("2")])


def test_a_response_comes_back_as_it_was(chat: Any) -> None:
    model = chat(None)
    message = answer(
        additional_kwargs={"parsed": {"a": 1}},
        response_metadata={"model_name": "gpt-4o-mini", "finish_reason": "length"},
        usage_metadata={"input_tokens": 1000, "output_tokens": 10, "total_tokens": 1010},
    )
    result = ChatResult(
        generations=[ChatGeneration(message=message, generation_info={"finish_reason": "length"})],
        llm_output={"token_usage": None},
    )
    response = response_of(model, request_of(model, [], None, {}), result)
    assert result_of(response.recorded) == result
    assert (response.finish_reason, response.error) == ("length", None)
    assert response.usage["model"] == "gpt-4o-mini"
    assert float(response.usage["cost_usd"]) > 0


def test_a_provider_that_says_nothing_of_usage_is_no_fault(chat: Any) -> None:
    model = chat(None)
    result = ChatResult(generations=[ChatGeneration(message=answer())])
    response = response_of(model, request_of(model, [], None, {}), result)
    assert (response.usage, response.finish_reason) == ({"model": "ScriptedChat"}, "stop")
    empty = response_of(model, request_of(model, [], None, {}), ChatResult(generations=[]))
    assert (empty.usage, empty.finish_reason) == ({"model": "ScriptedChat"}, "stop")


def test_usage_has_its_details_and_an_unknown_model_no_price() -> None:
    message = answer(
        response_metadata={"model_name": "model-of-nobody"},
        usage_metadata={
            "input_tokens": 5,
            "output_tokens": 6,
            "total_tokens": 11,
            "input_token_details": {"cache_read": 2, "cache_creation": 1},
            "output_token_details": {"reasoning": 3},
        },
    )
    assert usage_of(message, "") == {
        "input_tokens": 5,
        "output_tokens": 6,
        "cache_read_tokens": 2,
        "cache_write_tokens": 1,
        "reasoning_tokens": 3,
        "model": "model-of-nobody",
    }
    assert usage_of(HumanMessage("x"), "") == {}


def test_a_failure_is_raised_again_as_it_was_and_shown_by_its_class_alone() -> None:
    response = failed_response(TimeoutError("sk-secret"))
    assert response.error == "The language model did not answer in time."
    with pytest.raises(TimeoutError, match="sk-secret"):
        result_of(response.recorded)
