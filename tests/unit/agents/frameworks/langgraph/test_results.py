"""What a graph is given, and what its user gets of its state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel

from netra_backend.app.agents.frameworks.langgraph.results import input_of, plain, result_of, shown
from netra_backend.app.agents.interface import AgentResult


class Model(BaseModel):
    day: date


@dataclass
class Data:
    tags: set[str]


class Asking:
    """A scope of a message with these parts."""

    message = "hello"

    def __init__(self, *parts: dict[str, Any]) -> None:
        self.parts = [{"type": "text", "text": "hello"}, *parts]
        self.context = SimpleNamespace(run_id="run_1")

    async def read_file(self, file_id: str) -> bytes:
        return file_id.encode()


async def test_the_users_message_is_put_under_the_key_with_its_files() -> None:
    scope: Any = Asking()
    given = (await input_of("messages", scope))["messages"]
    assert (type(given[0]), given[0].content, given[0].id) == (HumanMessage, "hello", "run_1:input")
    assert await input_of("question", scope) == {"question": "hello"}
    media = ("image/png", "text/csv", "application/pdf")
    files = [{"type": "file", "file_id": "abc", "media": each} for each in media]
    scope = Asking({"type": "data", "data": {"a": 1}}, *files)
    assert (await input_of("messages", scope))["messages"][0].content == [
        {"type": "text", "text": "hello"},
        {"type": "text", "text": '{"a": 1}'},
        {"type": "image", "base64": "YWJj", "mime_type": "image/png"},
        {"type": "text-plain", "text": "abc", "mime_type": "text/csv"},
        {"type": "file", "base64": "YWJj", "mime_type": "application/pdf"},
    ]


def test_the_result_is_the_last_answer_and_the_messages_that_are_new() -> None:
    messages: list[Any] = [
        HumanMessage("old", id="run_0:input"),
        AIMessage("older answer"),
        HumanMessage("now", id="run_1:input"),
        AIMessage("", tool_calls=[{"name": "book", "args": {"place": "rome"}, "id": "1"}]),
        ToolMessage("booked", tool_call_id="1", name="book"),
        AIMessage([{"type": "text", "text": "It is "}, {"type": "text", "text": "done."}]),
    ]
    result = result_of({"messages": messages, "notes": ["a"], "hidden": 1}, ["messages", "notes"], "run_1")
    assert result.text == "It is done."
    assert result.data["notes"] == ["a"]
    assert "hidden" not in result.data
    assert result.data["messages"][:2] == [
        {"type": "ai", "content": "", "tool_calls": [{"id": "1", "name": "book", "args": {"place": "rome"}}]},
        {"type": "tool", "content": "booked", "name": "book", "tool_call_id": "1"},
    ]


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"messages": [AIMessage("a"), HumanMessage("b")]}, ""),
        ({"messages": []}, ""),
        ({"question": "q", "answer": "a"}, "a"),
        ({"count": 3}, ""),
        (Data({"a"}), ""),
    ],
)
def test_a_state_without_an_answer_has_the_text_that_it_has(state: Any, text: str) -> None:
    assert result_of(state, ["messages", "question", "answer", "count", "tags"], "run_1").text == text


def test_one_output_key_and_a_large_output() -> None:
    assert result_of({"answer": "a", "other": "b"}, "answer", "run_1").data == {"answer": "a"}
    assert result_of({"found": "b"}, "__end__", "run_1").data == {"found": "b"}
    assert result_of("text", "__end__", "run_1") == AgentResult("text", {"output": "text"})
    result = result_of({"answer": "a", "large": "x" * 100_000}, ["answer", "large"], "run_1")
    assert result.data == {"answer": "a", "large": None}


def test_any_value_becomes_json() -> None:
    value = [Model(day=date(2026, 1, 2)), Data({"x"}), float("nan"), 1.5, {1: (True, None)}, Data]
    assert plain(value) == [{"day": "2026-01-02"}, {"tags": ["x"]}, None, 1.5, {"1": [True, None]}, str(Data)]
    deep: Any = "end"
    for _ in range(100):
        deep = [deep]
    levels = 0
    told = plain(deep)
    while isinstance(told, list):
        told, levels = told[0], levels + 1
    assert (levels, type(told)) == (33, str)
    assert (shown("text"), shown({"ä": 1})) == ("text", '{"ä": 1}')
