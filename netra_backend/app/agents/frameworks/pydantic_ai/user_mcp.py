"""The tools of the user's MCP servers as a toolset of one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic_ai import Tool
from pydantic_ai.toolsets import FunctionToolset

from ...tools.definition import ForeignTool
from .tool_options import KEY

ID: Final = "user_mcp"


def user_toolset(tools: Mapping[str, ForeignTool], context: Any) -> FunctionToolset[Any]:
    """Each tool with its schema, its need for approval, and the right that is asked for when it is called. ``context`` is the
    run's."""
    return FunctionToolset([_tool(each, context) for each in tools.values()], id=ID)


def _tool(tool: ForeignTool, context: Any) -> Tool[Any]:
    async def call(**arguments: Any) -> Any:
        return await tool.call(context, arguments)

    made: Tool[Any] = Tool.from_schema(call, tool.name, tool.description, tool.schema)
    made.metadata = {KEY: {"approval": tool.approval, "user_mcp": True}}
    return made
