"""Books a table, and asks its user what it does not know: a question, and an approval before it acts.

``netra serve --app agent`` serves it from this directory.
"""

from __future__ import annotations

from typing import Any

from netra_server import AgentResult, RunScope, UserExecutionContext, tool


@tool(approval="It books a table in your name.")
async def book(context: UserExecutionContext, place: str, guests: int) -> dict[str, Any]:
    """Books a table."""
    return {"booked": place, "guests": guests, "for": context.user_id}


class Tables:
    """Asks for how many, then for a yes, and waits as long as that takes, over restarts of the server."""

    name = "tables"
    description = "Books a table where you want to eat."
    tools = frozenset({"book"})

    async def run(self, scope: RunScope) -> AgentResult:
        """Ask, then book."""
        guests = await scope.ask_user(
            f"For how many at {scope.message}?", schema={"type": "integer", "minimum": 1, "maximum": 20}
        )
        booking = await scope.use_tool("book", place=scope.message, guests=guests)
        if not booking.ok:
            return AgentResult("I have booked nothing.", {"error": booking.error})
        return AgentResult(f"A table for {guests} at {scope.message} is booked.", booking.result)


AGENTS = [Tables]
TOOLS = [book]
