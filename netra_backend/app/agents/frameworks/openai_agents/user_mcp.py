"""The tools of the user's MCP servers as function tools of an agent's copy, for one run of the SDK."""

from __future__ import annotations

from typing import Any, Final

from agents import FunctionTool
from agents.tool_context import ToolContext

from ...mcp.texts import text_of
from ...tools.definition import ForeignTool
from .lines import Line
from .tools import arguments_of, error_text, performed

_NO_OBJECT: Final = {
    "code": "INVALID_ARGUMENTS",
    "message": "The arguments are not a JSON object.",
    "hint": "Give arguments that match the tool's schema.",
}


def function_of(tool: ForeignTool, line: Line) -> FunctionTool:
    """The tool, called on behalf of this line. Whatever fails, the model reads it."""

    async def invoke(context: ToolContext[Any], input: str) -> str:
        given = arguments_of(input)
        if given is None:
            return error_text(_NO_OBJECT)
        outcome = await performed(tool, line, context, given)
        return text_of(outcome.result) if outcome.ok else error_text(outcome.error or {})

    return FunctionTool(tool.name, tool.description, tool.schema, invoke, strict_json_schema=False)
