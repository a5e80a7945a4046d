"""What a call of an MCP tool returned, as plain JSON."""

from __future__ import annotations

from typing import Any

import pytest
from mcp_types import CallToolResult, TextContent

from netra_backend.app.adapters.mcp.results import plain_result
from netra_backend.app.core.errors import ToolError


def result(text: str, structured: Any = None, *, failed: bool = False) -> CallToolResult:
    content = [TextContent(type="text", text=text)] if text else []
    return CallToolResult(content=list(content), structured_content=structured, is_error=failed)


@pytest.mark.parametrize(
    ("text", "structured", "plain"),
    [
        ("a", None, "a"),
        ("", None, ""),
        ("a", {"result": "a"}, "a"),
        ('{"n": 1}', {"n": 1}, {"n": 1}),
        ("", {"n": 1}, {"n": 1}),
        ("a", {"n": 1}, {"text": "a", "structured": {"n": 1}}),
        ("[" * 9_000, {"n": 1}, {"text": "[" * 9_000, "structured": {"n": 1}}),
    ],
)
def test_it_is_the_text_or_the_value_or_both_if_they_differ(text: str, structured: Any, plain: Any) -> None:
    assert plain_result(result(text, structured), 100_000) == plain


def test_a_failure_is_told_in_the_servers_words_and_cut() -> None:
    with pytest.raises(ToolError) as fault:
        plain_result(result("x" * 9_000, failed=True), 100)
    assert (fault.value.code, len(fault.value.message)) == ("MCP_TOOL_FAILED", 2_017)
    with pytest.raises(ToolError, match="that the tool failed"):
        plain_result(result("", failed=True), 100)


def test_what_is_too_large_or_cannot_be_kept_is_an_error() -> None:
    with pytest.raises(ToolError) as fault:
        plain_result(result("x" * 99), 100)
    assert fault.value.code == "RESULT_TOO_LARGE"
    assert plain_result(result("x" * 98), 100) == "x" * 98
    with pytest.raises(ToolError) as fault:
        plain_result(result("a\ud800", {"n": 1}), 100)
    assert fault.value.code == "RESULT_NOT_JSON"
