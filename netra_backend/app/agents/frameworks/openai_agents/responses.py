"""A response of a model as JSON and back: the same object whether it has just come or is read from the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from agents import ModelResponse
from agents.items import TResponseOutputItem, TResponseStreamEvent
from agents.usage import deserialize_usage, serialize_usage
from genai_prices import Usage, calc_price
from openai import BaseModel
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseUsage,
)

SHOWN: Final = {
    "response.output_text.delta": "",
    "response.refusal.delta": "",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
}
"""The events of a stream that a user sees, and as what. Arguments of tools are shown when the tool is called, redacted."""


class _Output(BaseModel):
    output: list[ResponseOutputItem]


def encoded(response: ModelResponse) -> bytes:
    """The response as it is recorded: half of a surrogate pair included, which providers send."""
    recorded = {
        "output": [_dumped(item) for item in response.output],
        "usage": serialize_usage(response.usage),
        "response_id": response.response_id,
        "request_id": response.request_id,
        "raw_usage": response.raw_usage,
    }
    return json.dumps(recorded).encode()


def decoded(recorded: dict[str, Any]) -> ModelResponse:
    """A response from what was recorded of it."""
    return ModelResponse(
        output=_Output.construct(output=recorded["output"]).output,
        usage=deserialize_usage(recorded["usage"]),
        response_id=recorded["response_id"],
        request_id=recorded["request_id"],
        raw_usage=recorded["raw_usage"],
    )


def _dumped(item: Any) -> Any:
    if isinstance(item, BaseModel):
        return item.to_dict(mode="json", exclude_unset=True, warnings=False)
    return item


def call_ids(response: ModelResponse) -> list[str]:
    """The provider's ids of the function calls that are asked for."""
    return [item.call_id for item in response.output if isinstance(item, ResponseFunctionToolCall)]


def finish_reason(response: ModelResponse) -> str:
    """Why the model stopped, in Netra's words."""
    return "tool_calls" if call_ids(response) else "stop"


def used(response: ModelResponse, model: str) -> dict[str, Any]:
    """What a request has used, as far as its provider says, and what that costs if the model has a known price."""
    usage = response.usage
    told: dict[str, Any] = {
        "model": model,
        "input_tokens": usage.input_tokens or 0,
        "output_tokens": usage.output_tokens or 0,
        "cache_read_tokens": usage.input_tokens_details.cached_tokens or 0,
        "cache_write_tokens": getattr(usage.input_tokens_details, "cache_write_tokens", 0) or 0,
        "reasoning_tokens": usage.output_tokens_details.reasoning_tokens or 0,
    }
    price = _price(model, told) if told["input_tokens"] or told["output_tokens"] else None
    if price is not None:
        told["cost_usd"] = price
    return {name: value for name, value in told.items() if value or name in ("input_tokens", "output_tokens")}


def _price(model: str, told: dict[str, Any]) -> str | None:
    usage = Usage(
        input_tokens=told["input_tokens"],
        output_tokens=told["output_tokens"],
        cache_read_tokens=told["cache_read_tokens"],
        cache_write_tokens=told["cache_write_tokens"],
    )
    try:
        return str(calc_price(usage, model).total_price)
    except (LookupError, ValueError):  # a model without a known price, or a usage that contradicts itself: never 0
        return None


def streamed(response: ModelResponse, model: str) -> Iterator[TResponseStreamEvent]:
    """The events of a stream that ends in this response, for code that follows one: each text in one piece."""
    number = 0
    for place, item in enumerate(response.output):
        for index, text in enumerate(_texts(item)):
            yield ResponseTextDeltaEvent(
                type="response.output_text.delta",
                content_index=index,
                delta=text,
                item_id=getattr(item, "id", None) or "",
                logprobs=[],
                output_index=place,
                sequence_number=(number := number + 1),
            )
        yield ResponseOutputItemDoneEvent(
            type="response.output_item.done", item=item, output_index=place, sequence_number=(number := number + 1)
        )
    yield ResponseCompletedEvent(
        type="response.completed", response=_whole(response, model), sequence_number=number + 1
    )


def texts(response: ModelResponse) -> list[str]:
    """What is said in a response, in parts."""
    return [text for item in response.output for text in _texts(item)]


def _texts(item: TResponseOutputItem) -> list[str]:
    if not isinstance(item, ResponseOutputMessage):
        return []
    return [part.text or "" for part in item.content if isinstance(part, ResponseOutputText)]


def _whole(response: ModelResponse, model: str) -> Response:
    usage = response.usage
    told = None
    if usage.requests or usage.total_tokens:
        told = ResponseUsage(
            input_tokens=usage.input_tokens,
            input_tokens_details=usage.input_tokens_details,
            output_tokens=usage.output_tokens,
            output_tokens_details=usage.output_tokens_details,
            total_tokens=usage.total_tokens,
        )
    return Response.construct(
        id=response.response_id or "",
        created_at=0,
        model=model,
        object="response",
        output=response.output,
        parallel_tool_calls=False,
        tool_choice="auto",
        tools=[],
        usage=told,
    )
