"""A model's response is the same object whether it has just come or is read back."""

from __future__ import annotations

import json
from typing import Any

from agents import ModelResponse
from agents.testing import assistant_message, function_call
from agents.usage import deserialize_usage
from openai.types.responses import ResponseCompletedEvent, ResponseReasoningItem

from netra_backend.app.agents.frameworks.openai_agents import responses


def response(*output: Any, **usage: Any) -> ModelResponse:
    told = {"requests": 1, "input_tokens": 3, "output_tokens": 4, "total_tokens": 7, **usage}
    return ModelResponse(output=list(output), usage=deserialize_usage(told), response_id="r1", request_id="q1")


def again(given: ModelResponse) -> ModelResponse:
    return responses.decoded(json.loads(responses.encoded(given)))


def test_what_a_provider_adds_is_kept() -> None:
    thought = ResponseReasoningItem.construct(
        id="rs", summary=[], type="reasoning", encrypted_content="abc", provider_data={"signature": "\ud83d"}
    )
    given = response(thought, assistant_message("Hi."), function_call("f", "{}", call_id="c1"))
    read = again(given)
    assert [type(item) for item in read.output] == [type(item) for item in given.output]
    assert read.output[0].to_dict(warnings=False) == thought.to_dict(warnings=False)
    assert (read.response_id, read.request_id) == ("r1", "q1")
    assert again(read) == read
    assert (responses.call_ids(read), responses.finish_reason(read)) == (["c1"], "tool_calls")
    assert responses.texts(read) == ["Hi."]


def test_an_item_of_a_kind_that_nobody_knows_is_kept() -> None:
    given = response(assistant_message("x"))
    recorded = json.loads(responses.encoded(given))
    recorded["output"].insert(0, {"type": "from_tomorrow", "id": "t", "more": [1]})
    read = responses.decoded(recorded)
    assert json.loads(responses.encoded(read))["output"][0] == recorded["output"][0]


def test_usage_has_a_price_if_the_model_has_one() -> None:
    assert "cost_usd" not in responses.used(response(), "nobody-knows")
    assert float(responses.used(response(), "gpt-4o")["cost_usd"]) > 0
    nothing = response(input_tokens=0, output_tokens=0, total_tokens=0)
    assert responses.used(nothing, "gpt-4o") == {"model": "gpt-4o", "input_tokens": 0, "output_tokens": 0}


def test_a_stream_ends_in_the_response() -> None:
    given = response(assistant_message("Hi."), function_call("f", "{}", call_id="c1"))
    *events, last = responses.streamed(given, "m")
    assert [each.type for each in events] == [
        "response.output_text.delta",
        "response.output_item.done",
        "response.output_item.done",
    ]
    assert isinstance(last, ResponseCompletedEvent)
    assert last.response.output == given.output
    assert last.response.usage is not None
    assert last.response.usage.total_tokens == 7
