"""What a tool is unless it says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.agents.tools.definition import Tool, ToolArguments


async def nothing(context: Any, arguments: ToolArguments) -> None:
    """Do nothing."""


def test_a_tool_acts_once_asks_nobody_and_is_for_every_signed_in_user() -> None:
    tool = Tool("x", "Does x.", ToolArguments, nothing)
    assert (tool.idempotent, tool.approval, tool.timeout_s, tool.secret_arguments) == (False, False, None, frozenset())
    assert (tool.permission, tool.needed_scope) == (None, "usage")
    assert Tool("x", "Does x.", ToolArguments, nothing, permission="admin").needed_scope == "admin"


def test_its_options_are_given_by_name() -> None:
    with pytest.raises(TypeError, match="positional argument"):
        Tool("x", "Does x.", ToolArguments, nothing, "admin")  # type: ignore[call-arg]


def test_it_can_name_the_type_of_its_arguments() -> None:
    assert Tool[ToolArguments]("x", "Does x.", ToolArguments, nothing).name == "x"
