"""The tools of the user's MCP servers as a toolset; served agents that use it: tests/integration/agents."""

from __future__ import annotations

from typing import Any

from netra_backend.app.agents.frameworks.pydantic_ai.user_mcp import ID, user_toolset
from netra_backend.app.agents.tools.definition import MCP_TOOLS, ForeignTool

SCHEMA = {"type": "object", "properties": {"self": {"type": "integer"}}}


async def test_each_tool_keeps_its_name_its_schema_and_whether_it_is_approved() -> None:
    called: list[Any] = []

    async def act(context: Any, arguments: dict[str, Any]) -> Any:
        called.append((context, arguments))
        return "done"

    tools = {
        name: ForeignTool(name, "Acts.", act, approval=approval, listed_as=MCP_TOOLS, schema=SCHEMA)
        for name, approval in (("shop__act", False), ("shop__buy", "It costs."))
    }
    context: Any = object()
    toolset = user_toolset(tools, context)
    assert toolset.id == ID
    told = {name: each.tool_def for name, each in toolset.tools.items()}
    assert [each.parameters_json_schema for each in told.values()] == [SCHEMA, SCHEMA]
    assert [each.metadata for each in told.values()] == [
        {"netra": {"approval": False, "user_mcp": True}},
        {"netra": {"approval": "It costs.", "user_mcp": True}},
    ]
    function: Any = toolset.tools["shop__act"].function
    assert await function(self=1, context=2) == "done"
    assert called == [(context, {"self": 1, "context": 2})]
