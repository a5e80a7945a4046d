"""What a graph is given of a user's message, and what a user is given of a graph's state."""

from __future__ import annotations

import dataclasses
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.pregel import Pregel
from pydantic import BaseModel

from ...interface import AgentResult, RunScope

MESSAGES: Final = "messages"
_MOST_DATA: Final = 64 * 1024
_MOST_DEPTH: Final = 32


def input_key(graph: Pregel[Any, Any, Any, Any]) -> str | None:
    """The key of the graph's input that the user's message is put under: ``messages``, or the only one; else ``None``."""
    builder = getattr(graph, "builder", None)
    names = [] if builder is None else list(builder.schemas[builder.input_schema])
    if MESSAGES in names:
        return MESSAGES
    return names[0] if len(names) == 1 else None


async def input_of(key: str, scope: RunScope) -> dict[str, Any]:
    """The graph's input of a user's message: under ``messages`` with its files, else its text alone."""
    if key != MESSAGES:
        return {key: scope.message}
    content: Any = scope.message
    if any(part["type"] != "text" for part in scope.parts):
        content = [await _block(part, scope) for part in scope.parts]
    return {key: [HumanMessage(content, id=f"{scope.context.run_id}:input")]}


async def _block(part: Mapping[str, Any], scope: RunScope) -> dict[str, Any]:
    """A part of a message as a standard content block of LangChain's."""
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    if part["type"] != "file":
        return {"type": "text", "text": json.dumps(part["data"], ensure_ascii=False)}
    body, media = await scope.read_file(part["file_id"]), str(part["media"])
    kind = media.partition("/")[0]
    if kind == "text":
        return {"type": "text-plain", "text": body.decode(errors="replace"), "mime_type": media}
    kind = kind if kind in ("image", "audio", "video") else "file"
    return {"type": kind, "base64": b64encode(body).decode(), "mime_type": media}


def result_of(state: Any, keys: Sequence[str] | str, run_id: str) -> AgentResult:
    """The run's result of the graph's output: the text of its last message, if that is the model's, else its only text; and the
    output as JSON, of its messages those that are new."""
    values = _mapping(state)
    if not isinstance(keys, str):
        values = {key: values[key] for key in keys if key in values}
    elif keys in values:
        values = {keys: values[keys]}
    elif not values:  # a flow returns what it likes
        values = {"output": state}
    data = {key: plain(_new(value, run_id)) for key, value in values.items()}
    if len(msgspec.json.encode(data)) > _MOST_DATA:
        data = {key: value if len(msgspec.json.encode(value)) < 1024 else None for key, value in data.items()}
    return AgentResult(_text(values), data)


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON: messages by what they say, other objects by their fields, what is nothing of these by its text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if depth > _MOST_DEPTH:
        text = str(value)
        return text if len(text) <= 200 else type(value).__name__
    if isinstance(value, BaseMessage):
        told = {"type": value.type, "content": value.content, "name": value.name}
        told["tool_calls"] = [
            {"id": call["id"], "name": call["name"], "args": call["args"]} for call in getattr(value, "tool_calls", ())
        ]
        told["tool_call_id"] = getattr(value, "tool_call_id", None)
        return {name: plain(each, depth + 1) for name, each in told.items() if each not in (None, [])}
    if isinstance(value, BaseModel):
        return plain(value.model_dump(), depth + 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name), depth + 1) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each, depth + 1) for each in value]
    return str(value)


def shown(value: Any) -> str:
    """A value as a text: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


def _mapping(state: Any) -> dict[str, Any]:
    if isinstance(state, Mapping):
        return {str(key): value for key, value in state.items()}
    return dict(vars(state)) if hasattr(state, "__dict__") else {}


def _new(value: Any, run_id: str) -> Any:
    """Of a list of messages those that follow the run's input."""
    if not isinstance(value, list) or not value or not all(isinstance(each, BaseMessage) for each in value):
        return value
    for at in range(len(value) - 1, -1, -1):
        if value[at].id == f"{run_id}:input":
            return value[at + 1 :]
    return value


def _text(values: Mapping[str, Any]) -> str:
    messages = values.get(MESSAGES)
    if isinstance(messages, list):
        last = next((each for each in reversed(messages) if isinstance(each, BaseMessage)), None)
        return str(last.text) if isinstance(last, AIMessage) else ""
    texts = [value for value in values.values() if isinstance(value, str)]
    return texts[-1] if texts else ""
