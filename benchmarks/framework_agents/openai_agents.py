"""An agent of the OpenAI Agents SDK that looks three cities up, one after the other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from agents import Agent, Model, ModelResponse, RunConfig, Runner, function_tool
from agents.usage import Usage
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
)

from netra_server.openai_agents import serve

from . import waited

NAME = "OpenAI Agents SDK"
CITIES = ("Rome", "Oslo", "Lima")
SHOWN: list[str] = []
ANSWER = "It is fine in all three of them."


def _item(given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    asked = named.get("input", given[1] if len(given) > 1 else "")
    turn = sum(isinstance(each, dict) and each.get("type") == "function_call" for each in asked)
    if turn < len(CITIES):
        return ResponseFunctionToolCall(
            arguments=json.dumps({"city": CITIES[turn]}), call_id=f"call-{turn}", name="weather", type="function_call"
        )
    said = ResponseOutputText(annotations=[], text=ANSWER, type="output_text")
    return ResponseOutputMessage(id="msg-1", content=[said], role="assistant", status="completed", type="message")


class Scripted(Model):
    """A model that is a function."""

    async def get_response(self, *given: Any, **named: Any) -> ModelResponse:
        await waited()
        return ModelResponse(output=[_item(given, named)], usage=Usage(requests=1), response_id=None)

    async def stream_response(self, *given: Any, **named: Any) -> AsyncIterator[Any]:
        await waited()
        item = _item(given, named)
        if isinstance(item, ResponseOutputMessage):
            yield ResponseTextDeltaEvent(
                type="response.output_text.delta",
                content_index=0,
                delta=ANSWER,
                item_id="msg-1",
                logprobs=[],
                output_index=0,
                sequence_number=0,
            )
        yield ResponseOutputItemDoneEvent(
            type="response.output_item.done", item=item, output_index=0, sequence_number=1
        )
        response = Response(
            id="resp-1",
            created_at=0,
            model="scripted",
            object="response",
            output=[item],
            parallel_tool_calls=False,
            tool_choice="auto",
            tools=[],
        )
        yield ResponseCompletedEvent(type="response.completed", response=response, sequence_number=2)


@function_tool
async def weather(city: str) -> dict[str, Any]:
    """The weather of a city."""
    await waited()
    return {"city": city, "celsius": 21}


agent = Agent[Any](name="weather", instructions="You help.", model=Scripted(), tools=[weather])


_CONFIG = RunConfig(tracing_disabled=True)


async def alone() -> None:
    """One run by itself, its text shown as it comes."""
    SHOWN.clear()
    running = Runner.run_streamed(agent, "What is the weather like?", run_config=_CONFIG)
    SHOWN.extend(
        [
            event.data.delta
            async for event in running.stream_events()
            if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent)
        ]
    )
    assert "".join(SHOWN).startswith("It is fine"), SHOWN


async def whole() -> None:
    """One run by itself, shown at its end."""
    done = await Runner.run(agent, "What is the weather like?", run_config=_CONFIG)
    assert done.final_output.startswith("It is fine"), done.final_output


AGENTS = [serve(agent)]
