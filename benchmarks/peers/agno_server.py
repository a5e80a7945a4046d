"""Agno's AgentOS with an agent whose model is a constant: it calls one tool, then answers. No database."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from agno.agent import Agent
from agno.models.base import Model
from agno.models.message import Message
from agno.models.response import ModelResponse
from agno.os import AgentOS

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "golden_lookup", "arguments": '{"question":"What is up?"}'},
}


def golden_lookup(question: str) -> str:
    """Look the question up."""
    return '{"lines":3}'


@dataclass
class ConstantModel(Model):  # type: ignore[misc]  # checked against nothing: the peers have an environment of their own
    """First a tool call, then a sentence."""

    id: str = "constant"

    def invoke(self, messages: list[Message], **_: Any) -> ModelResponse:
        if any(message.role == "tool" for message in messages):
            return ModelResponse(role="assistant", content="Three lines of the log answer the question.")
        return ModelResponse(role="assistant", tool_calls=[CALL])

    async def ainvoke(self, messages: list[Message], **_: Any) -> ModelResponse:
        return self.invoke(messages)

    def invoke_stream(self, messages: list[Message], **_: Any) -> Iterator[ModelResponse]:
        yield self.invoke(messages)

    async def ainvoke_stream(self, messages: list[Message], **_: Any) -> AsyncIterator[ModelResponse]:
        yield self.invoke(messages)

    def _parse_provider_response(self, response: ModelResponse, **_: Any) -> ModelResponse:
        return response

    def _parse_provider_response_delta(self, response: ModelResponse) -> ModelResponse:
        return response


if __name__ == "__main__":
    agent = Agent(id="golden", name="golden", model=ConstantModel(), tools=[golden_lookup], telemetry=False)
    uvicorn.run(
        AgentOS(agents=[agent], telemetry=False).get_app(),
        port=int(sys.argv[1]),
        loop="uvloop",
        log_level="error",
        backlog=4096,
    )
