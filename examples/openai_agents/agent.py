"""A travel desk: an agent of the OpenAI Agents SDK with a tool that acts, one that asks first, and a colleague that takes over.

OPENAI_API_KEY=… netra serve --app agent
"""

from dataclasses import dataclass

from agents import Agent, RunContextWrapper, function_tool

from netra_server import UserExecutionContext
from netra_server.openai_agents import serve


@dataclass
class Traveller:
    """Who travels: tools read it, models never see it."""

    user_id: str


@function_tool
async def find_trains(place: str) -> list[str]:
    """Trains to a place."""
    return [f"08:00 to {place}", f"12:00 to {place}"]


@function_tool(needs_approval=True)
async def book(context: RunContextWrapper[Traveller], train: str) -> str:
    """Books a train for the traveller."""
    return f"Booked: {train}, for {context.context.user_id}."


booking = Agent[Traveller](
    name="Booking",
    handoff_description="Books trains that were found.",
    instructions="Book the train that the user chose.",
    tools=[book],
)
travel = Agent[Traveller](
    name="Travel",
    instructions="Find trains. Hand over to Booking when the user has chosen one.",
    tools=[find_trains],
    handoffs=[booking],
)


def traveller(user: UserExecutionContext) -> Traveller:
    return Traveller(user.user_id)


AGENTS = serve(
    travel,
    name="travel",
    description="Finds and books trains.",
    context=traveller,
    idempotent_tools={"find_trains"},
)
