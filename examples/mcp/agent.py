"""An agent that uses the MCP servers of the user who asks it: it lists their tools, or calls one.

``netra ask --agent toolbox "what is there?"``, ``netra ask --agent toolbox 'shop__order {"item": "bread", "pieces": 2}'``
"""

from __future__ import annotations

import json

from netra_server import AgentResult, RunScope


class Toolbox:
    """Says what tools its user's MCP servers have, and calls the one that it is told."""

    name = "toolbox"
    description = "Calls a tool of your MCP servers."
    tools = frozenset({"mcp:*"})

    async def run(self, scope: RunScope) -> AgentResult:
        """``server__tool {"argument": …}``, or anything else for the list."""
        found = {each.name: each for each in await scope.tools() if each.remote}
        name, _, arguments = scope.message.partition(" ")
        if name not in found:
            lines = [f"- `{each.name}`: {each.description}" for each in found.values()]
            return AgentResult("\n".join(lines) or "You have no MCP servers.", {"tools": list(found)})
        try:
            given = json.loads(arguments or "{}")
        except ValueError:
            return AgentResult("The arguments are no JSON.")
        outcome = await scope.use_tool(name, **given)
        if not outcome.ok:
            assert outcome.error is not None
            return AgentResult(f"It did not work: {outcome.error['message']}", {"error": outcome.error["code"]})
        return AgentResult(str(outcome.result), {"result": outcome.result})


AGENTS = [Toolbox]
