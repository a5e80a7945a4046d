"""Finds a table, and books it if its user agrees: an agent of pydantic-ai as it is written anywhere, and a line that serves it.

``OPENAI_API_KEY=… netra serve --app agent`` serves it from this directory.
"""

from __future__ import annotations

from pydantic import BaseModel
from pydantic_ai import Agent, RunContext

from netra_server import UserExecutionContext
from netra_server.pydantic_ai import serve


class Booking(BaseModel):
    """What came of it."""

    place: str
    table: int | None


booker: Agent[str, Booking] = Agent(
    "openai-chat:gpt-5-mini",
    name="booker",
    description="Finds and books tables.",
    instructions="Find a free table where the user wants to eat, and book it.",
    deps_type=str,
    output_type=Booking,
)


@booker.tool_plain(metadata={"netra": {"idempotent": True}})
def free_tables(place: str) -> list[int]:
    """Lists the free tables of a place."""
    return [2, 5]


@booker.tool(requires_approval=True)
async def book(ctx: RunContext[str], place: str, table: int) -> str:
    """Books a table."""
    return f"Table {table} at {place} is booked for {ctx.deps}."


def guest(context: UserExecutionContext) -> str:
    """Who asks: from the server, never from an argument."""
    return context.user_id


AGENTS = [serve(booker, deps=guest)]
