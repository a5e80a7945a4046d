"""A shop of agents of the OpenAI Agents SDK, for servers that are killed: parallel tool calls, an approval, a handoff, and an
agent that is another one's tool. Each effect is noted outside of the server."""

from __future__ import annotations

from typing import Any

from agents import Agent, Model, OpenAIChatCompletionsModel, OpenAIResponsesModel, RunContextWrapper, function_tool
from openai import AsyncOpenAI

from netra_server.openai_agents import serve
from test_framework.effects import note_effect


@function_tool
async def buy(context: RunContextWrapper[Any], what: str) -> str:
    """Buys something."""
    note_effect(f"buy {what}")
    return f"bought {what}"


@function_tool
def weigh(what: str) -> int:
    """Weighs something, as often as one likes."""
    note_effect(f"~weigh {what}")
    return len(what)


@function_tool(needs_approval=True)
def pay(amount: int) -> str:
    """Pays."""
    note_effect(f"pay {amount}")
    return f"paid {amount}"


@function_tool
def look_up(word: str) -> str:
    """Looks something up, at a price."""
    note_effect(f"look up {word}")
    return f"{word} is in stock"


def shop(name: str, model: Model) -> Any:
    """The shop, asked by this model."""
    expert: Agent[Any] = Agent(name="expert", instructions="expert", model=model, tools=[look_up])
    clerk: Agent[Any] = Agent(
        name="clerk", instructions="clerk", model=model, tools=[expert.as_tool("ask_expert", "Asks the expert.")]
    )
    front: Agent[Any] = Agent(
        name="front", instructions="front", model=model, tools=[buy, weigh, pay], handoffs=[clerk]
    )
    clerk.handoffs = [front]
    return serve(front, name=name, idempotent_tools={"weigh"})


CLIENT = AsyncOpenAI()
AGENTS = [
    shop("chat", OpenAIChatCompletionsModel("scripted", CLIENT)),
    shop("responses", OpenAIResponsesModel("scripted", CLIENT)),
]
