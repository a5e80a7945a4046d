"""An agent and a tool for tests that need a tool's result to hold what the user said, and no data."""

from __future__ import annotations

from typing import Any, Final

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.services.user_execution_context import UserExecutionContext


class Said(ToolArguments, frozen=True):
    """What was said."""

    text: str


async def repeat(context: UserExecutionContext, arguments: Said) -> dict[str, Any]:
    """Whom the tool works for, and what was said."""
    return {"user_id": context.user_id, "text": arguments.text}


class Echo:
    """Repeats the message, by way of a tool: the five events, each once."""

    name = "echo"
    description = "Repeats what it is told."
    tools = frozenset({"repeat"})

    async def run(self, scope: RunScope) -> AgentResult:
        """Think, call the tool once, answer with its result."""
        await scope.think(f"I was told: {scope.message}")
        outcome = await scope.use_tool("repeat", text=scope.message)
        return AgentResult(scope.message, {"repeated": outcome.result})


AGENTS: Final = (Echo,)
TOOLS: Final = (Tool("repeat", "Repeats a text.", Said, repeat, idempotent=True),)
