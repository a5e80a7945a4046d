"""What metadata say of a tool, and what they cannot say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_ai.exceptions import UserError
from pydantic_ai.tools import ToolDefinition

from netra_backend.app.agents.frameworks.pydantic_ai.tool_options import ToolOptions, options_of


def said(metadata: Any, timeout: float | None = None) -> ToolOptions:
    return options_of(ToolDefinition(name="pay", metadata=metadata, timeout=timeout), "pay")


def test_a_tool_acts_once_unless_it_says_otherwise() -> None:
    assert said(None) == said({"other": 1}) == options_of(None, "pay") == ToolOptions()
    assert ToolOptions().idempotent is False
    options = said({"netra": {"idempotent": True, "timeout_s": 5, "permission": "usage", "approval": "It costs."}})
    assert options == ToolOptions(True, 5, "usage", "It costs.")


def test_a_time_limit_of_the_tool_itself_comes_first() -> None:
    assert said(None, 10).timeout_s == 11
    assert said({"netra": {"timeout_s": 3}}, 10).timeout_s == 3


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (False, "each call is recorded"),
        ({"idempotant": True}, "idempotant"),
        ({"timeout_s": "soon"}, "timeout_s"),
        ({"timeout_s": 0}, "more than 0"),
        ("yes", "are wrong"),
    ],
)
def test_metadata_that_say_nothing_are_refused(metadata: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        said({"netra": metadata})
