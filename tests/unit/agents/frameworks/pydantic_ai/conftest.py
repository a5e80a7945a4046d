"""Agents of pydantic-ai on a server in memory, whose models are functions and whose effects are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from netra_server.pydantic_ai import serve

Said = str | dict[str, dict[str, Any]]
"""A text, or calls: the arguments by the names of tools."""


class Script:
    """A model that answers by a script, turn by turn; ``seen`` has each request."""

    def __init__(self, *turns: Said | Exception) -> None:
        self.turns = turns
        self.seen: list[list[ModelMessage]] = []

    @property
    def model(self) -> FunctionModel:
        """It streams."""
        return FunctionModel(stream_function=self._stream, model_name="scripted")

    async def _stream(self, messages: list[ModelMessage], _: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
        self.seen.append(messages)
        start = max((at for at, each in enumerate(messages) if _is_prompt(each)), default=0)
        turn = self.turns[sum(isinstance(each, ModelResponse) for each in messages[start:])]
        if isinstance(turn, Exception):
            raise turn
        if isinstance(turn, str):
            for at in range(0, len(turn), 4):
                yield turn[at : at + 4]
            return
        for number, (name, arguments) in enumerate(turn.items()):
            import json

            yield {number: DeltaToolCall(name, json.dumps(arguments), tool_call_id=f"call-{start}-{name}")}


def _is_prompt(message: ModelMessage) -> bool:
    """What a user asked: pydantic-ai has prompts of its own."""
    return isinstance(message, ModelRequest) and any(
        part.part_kind == "user-prompt" and part.content in ("go", "one", "two") for part in message.parts
    )


def returned(messages: list[ModelMessage]) -> dict[str, Any]:
    """What tools returned in the last request, by their names."""
    return {part.tool_name: part.content for part in messages[-1].parts if isinstance(part, ToolReturnPart)}


class Shop:
    """A workshop that serves agents; ``effects`` counts what tools did."""

    def __init__(self, workshop: Any) -> None:
        self.workshop = workshop
        self.effects: Counter[str] = Counter()

    def agent(
        self, script: Script | None = None, *, model: Any = None, name: str = "golden", **more: Any
    ) -> Agent[Any, Any]:
        """An agent of this model; ``serve`` it when it is whole."""
        return Agent(model if model is not None else (script or Script("fine")).model, name=name, **more)

    def serve(self, agent: Agent[Any, Any], **more: Any) -> None:
        """Serve it under its name."""
        served = serve(agent, **more)
        self.workshop.agents.append(served)
        self.workshop.registry.configure(served)

    async def run(self, message: str = "go", agent: str = "golden", **fields: Any) -> list[Any]:
        """The events of a run of a new user's."""
        events: list[Any] = await self.workshop.run(agent, message, **fields)
        return events

    async def replays(
        self, events: list[Any], first: int = 1, owner: str = "user_ada"
    ) -> AsyncIterator[tuple[int, list[Any]]]:
        """The run as it goes on in the next process, killed after each of its events from the ``first`` on: how many there were,
        and how it is stored."""
        whole = self.workshop.store
        for frames in range(first, len(events)):
            self.workshop.store = whole
            client = await self.workshop.killed_after(events, owner, frames)
            await client.ended(events[0].run_id)
            yield frames, await self.workshop.stored(events[0].run_id)


@pytest.fixture
def shop(workshop: Any) -> Shop:
    """A server in memory."""
    return Shop(workshop)


@pytest.fixture
def of() -> Callable[[list[Any], str], list[Any]]:
    """``of(events, "ToolCompleted")``: the events of this type."""
    return lambda events, kind: [each for each in events if type(each).__name__ == kind]
