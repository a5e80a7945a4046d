"""The wire of OpenAI's Responses API, as a scripted model speaks it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

_MADE: Final = 1_790_000_000


def output_of(text: str, calls: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """The items of an answer; ``calls`` have an id, a name, and arguments as JSON."""
    items: list[dict[str, Any]] = []
    if text:
        content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
        items.append({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content})
    for call_id, name, arguments in calls:
        call = {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
        items.append({"id": f"fc_{call_id}", "status": "completed", **call})
    return items


def whole(model: str, output: list[dict[str, Any]], input_tokens: int, output_tokens: int) -> dict[str, Any]:
    """The response as it is when it has ended."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": _MADE,
        "status": "completed",
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input_tokens + output_tokens,
        },
    }


def events(response: dict[str, Any], pieces: Sequence[str]) -> Iterator[str]:
    """What is streamed of a response, each as JSON; its text comes in these pieces."""
    number = 0

    def event(kind: str, **more: Any) -> str:
        nonlocal number
        number += 1
        return json.dumps({"type": kind, "sequence_number": number, **more})

    yield event("response.created", response={**response, "status": "in_progress", "output": [], "usage": None})
    for place, item in enumerate(response["output"]):
        if item["type"] == "message":
            for piece in pieces:
                named = {"item_id": item["id"], "output_index": place, "content_index": 0, "logprobs": []}
                yield event("response.output_text.delta", delta=piece, **named)
        yield event("response.output_item.done", item=item, output_index=place)
    yield event("response.completed", response=response)
