"""An agent with the tools of its user's MCP servers."""

from __future__ import annotations

import asyncio
from typing import Any

from netra_server import AgentResult, RunScope


class Noter:
    """Has two words noted at once, and a third when it knows that they are."""

    name = "noter"
    description = "Notes words."
    tools = frozenset({"mcp:*"})

    async def run(self, scope: RunScope) -> AgentResult:
        """The tools that there are, and what came of each call."""
        names = [each.name for each in await scope.tools() if each.remote]
        first, second, third = scope.message.split()
        told = [*await asyncio.gather(note(scope, first), note(scope, second)), await note(scope, third)]
        return AgentResult(" ".join(names), {"told": told})


async def note(scope: RunScope, word: str) -> Any:
    """What came of it, which is of this word and no other."""
    outcome = await scope.use_tool("notes__note", text=word)
    if not outcome.ok:
        assert outcome.error is not None
        return outcome.error["code"]
    assert outcome.result == f"noted {word}"
    return outcome.result


AGENTS = [Noter]
