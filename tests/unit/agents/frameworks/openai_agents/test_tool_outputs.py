"""What a tool returned is JSON that the SDK takes for the same."""

from __future__ import annotations

from typing import Any

import pytest
from agents import ToolOutputFileContent, ToolOutputText
from pydantic import BaseModel

from netra_backend.app.agents.frameworks.openai_agents.tool_outputs import plain


class Point(BaseModel):
    x: int


@pytest.mark.parametrize(
    ("output", "recorded"),
    [
        ("text", "text"),
        (None, None),
        (7, 7),
        ({"a": [1, None]}, {"a": [1, None]}),
        ((1, 2), "(1, 2)"),
        ({1: "a"}, "{1: 'a'}"),
        (Point(x=1), "x=1"),
        (ToolOutputText(text="t"), {"type": "text", "text": "t"}),
        ([ToolOutputFileContent(file_id="f"), "more"], [{"type": "file", "file_id": "f"}, "more"]),
    ],
)
def test_a_model_is_told_the_same(output: Any, recorded: Any) -> None:
    assert plain(output) == recorded
