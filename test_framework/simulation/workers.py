"""What runs in the simulation: an agent that does as its message says, its tools, and a language model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from random import Random
from typing import Any, Final, Protocol

import msgspec

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.core.model_part import ModelPart
from netra_backend.app.services.user_execution_context import UserExecutionContext

STEPS: Final = ("think", "say", "look", "charge", "gate", "model", "boom", "ask")
"""``charge`` and ``gate`` are tools that are not idempotent, ``gate`` waits for its user's word, ``boom`` fails the run.
``ask`` asks it a question."""


class Plan(msgspec.Struct, frozen=True):
    """A message: the client's key, its user (so that it is noticed elsewhere), and the steps to take."""

    key: str
    user: str
    steps: tuple[str, ...]

    def text(self, number: int) -> str:
        """What step ``number`` thinks, says or asks."""
        return f"{self.user}/{self.key}/{number}"

    def encoded(self) -> str:
        """The message."""
        return msgspec.json.encode(self).decode()


read_plan: Final = msgspec.json.Decoder(Plan).decode


class Worker:
    """The agent."""

    name = "worker"
    description = "Takes the steps that its message lists."
    tools = frozenset({"look", "charge", "gate"})
    history_messages = 2

    async def run(self, scope: RunScope) -> AgentResult:
        """Take each step in order."""
        plan = read_plan(scope.message)
        came: list[Any] = []
        for number, step in enumerate(plan.steps):
            if step == "think":
                await scope.think(plan.text(number))
            elif step == "say":
                await scope.say(plan.text(number))
            elif step == "model":
                came.append((await scope.ask_model(plan.text(number))).text)
            elif step == "ask":
                came.append(await _ask(scope, plan.text(number)))
            elif step == "boom":
                raise RuntimeError("as planned")
            else:
                outcome = await scope.use_tool(step, number=number)
                came.append(outcome.result if outcome.ok else (outcome.error or {}).get("code"))
        return AgentResult(plan.text(len(plan.steps)), {"came": came})


async def _ask(scope: RunScope, question: str) -> str:
    """What its user answered; that of another question ends the run."""
    answer: str = await scope.ask_user(question, schema={"type": "string"})
    if not answer.startswith(f"{question}="):
        raise RuntimeError(f"swapped: {answer} is no answer to {question}")
    return answer


class Numbered(ToolArguments, frozen=True):
    """Which step calls."""

    number: int


class Effects(Protocol):
    """Who counts what tools do to the outside."""

    def acted(self, run_id: str, number: int) -> None:
        """A tool that is not idempotent did its work."""


def make_tools(rng: Random, effects: Effects, slowest: Callable[[], float]) -> list[Tool[Any]]:
    """The worker's tools; each takes a while before and after its effect."""

    async def look(context: UserExecutionContext, arguments: Numbered) -> Any:
        await asyncio.sleep(rng.random() * slowest())
        return {"user": context.user_id, "number": arguments.number}

    async def charge(context: UserExecutionContext, arguments: Numbered) -> Any:
        await asyncio.sleep(rng.random() * slowest())
        effects.acted(context.run_id, arguments.number)
        await asyncio.sleep(rng.random() * slowest())
        return {"user": context.user_id, "number": arguments.number}

    return [
        Tool("look", "Looks.", Numbered, look, idempotent=True),
        Tool("charge", "Charges.", Numbered, charge, idempotent=False),
        Tool("gate", "Charges if the user agrees.", Numbered, charge, idempotent=False, approval=True),
    ]


class EchoModel:
    """``ports.Model``: says the prompt in three parts, each after a while."""

    name = "echo"

    def __init__(self, rng: Random, slowest: Callable[[], float]) -> None:
        self._rng = rng
        self._slowest = slowest

    async def stream(self, prompt: str, *, system: str, max_tokens: int) -> AsyncGenerator[ModelPart, None]:
        for part in (prompt[:3], prompt[3:7], prompt[7:]):
            await asyncio.sleep(self._rng.random() * self._slowest())
            yield ModelPart(part)
        yield ModelPart("", {"input_tokens": 1, "output_tokens": 3, "cost_usd": "0.001"})
