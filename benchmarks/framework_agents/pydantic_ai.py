"""An agent of pydantic-ai that looks three cities up, one after the other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
)
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from netra_server.pydantic_ai import serve

from . import waited

NAME = "pydantic-ai"
CITIES = ("Rome", "Oslo", "Lima")
SHOWN: list[str] = []


async def _say(messages: list[ModelMessage], _: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
    await waited()
    turn = sum(isinstance(each, ModelResponse) for each in messages)
    if turn < len(CITIES):
        yield {0: DeltaToolCall("weather", json.dumps({"city": CITIES[turn]}), tool_call_id=f"call-{turn}")}
    else:
        yield "It is fine in all three of them."


async def _answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    await waited()
    turn = sum(isinstance(each, ModelResponse) for each in messages)
    if turn < len(CITIES):
        return ModelResponse([ToolCallPart("weather", {"city": CITIES[turn]}, tool_call_id=f"call-{turn}")])
    return ModelResponse([TextPart("It is fine in all three of them.")])


agent: Agent[Any, str] = Agent(FunctionModel(_answer, stream_function=_say), name="weather", instructions="You help.")


@agent.tool_plain
async def weather(city: str) -> dict[str, Any]:
    """The weather of a city."""
    await waited()
    return {"city": city, "celsius": 21}


async def _show(_: Any, events: AsyncIterable[Any]) -> None:
    async for event in events:
        if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
            SHOWN.append(event.part.content)
        elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
            SHOWN.append(event.delta.content_delta)


async def alone() -> None:
    """One run by itself, its text shown as it comes."""
    SHOWN.clear()
    await agent.run("What is the weather like?", event_stream_handler=_show)
    assert "".join(SHOWN).startswith("It is fine"), SHOWN


async def whole() -> None:
    """One run by itself, shown at its end."""
    done = await agent.run("What is the weather like?")
    assert done.output.startswith("It is fine"), done.output


AGENTS = [serve(agent)]
