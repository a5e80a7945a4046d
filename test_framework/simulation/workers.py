"""What runs in the simulation: an agent that does as its message says, its tools, and a language model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from random import Random
from typing import Any, Final, Protocol

import msgspec

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.core.model_part import ModelPart
from netra_backend.app.services.user_execution_context import UserExecutionContext

STEPS: Final = ("think", "say", "look", "charge", "gate", "model", "boom", "pair", "models", "lines", "ask", "nap")
"""``charge`` and ``gate`` are tools that are not idempotent, ``gate`` waits for its user's word, ``boom`` fails the run.
``pair``, ``models`` and ``lines`` are steps side by side: tools and a step of the agent's own, requests, and tasks with several
steps each. ``ask`` asks the user a question, ``nap`` is a pause, for which the run leaves memory in some worlds."""

COUNT: Final = "count"
"""The key of a thread's value that each ``count`` makes one more."""

NAP_S: Final = 3.0
ASIDE: Final = 100
"""What is done beside a step has its number and so much more."""


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
            elif step == "nap":
                await scope.sleep(NAP_S)
            elif step == COUNT:
                await scope.state.set(COUNT, (await scope.state.get(COUNT) or 0) + 1, visible=True)
            elif step == "delegate":
                came += _right([(await scope.run_agent(Cashier.name, str(number))).data], (number,))
            elif step == "boom":
                raise RuntimeError("as planned")
            elif step == "pair":
                marked = scope.step(f"mark-{number}", partial(_mark, number), idempotent=True)
                beside = _use(scope, "charge", number), _use(scope, "look", number + ASIDE), marked
                came += _right(await asyncio.gather(*beside), (number, number + ASIDE, number))
            elif step == "models":
                asked = [plan.text(number), plan.text(number + ASIDE)]
                replies = await asyncio.gather(*map(scope.ask_model, asked))
                if [reply.text for reply in replies] != asked:
                    raise RuntimeError(f"swapped: {[reply.text for reply in replies]}")
            elif step == "lines":
                # A ``TaskGroup`` keeps its tasks in a set, and cancels them in another order each time.
                came += await asyncio.gather(
                    *[asyncio.create_task(_line(scope, number + ASIDE * line)) for line in range(2)]
                )
            else:
                came.append(await _use(scope, step, number))
        return AgentResult(plan.text(len(plan.steps)), {"came": came})


class Cashier:
    """An agent that the worker asks."""

    name = "cashier"
    description = "Charges for the step with this number."
    tools = frozenset({"charge"})

    async def run(self, scope: RunScope) -> AgentResult:
        """Charge once."""
        came = await _use(scope, "charge", int(scope.message))
        return AgentResult(scope.message, came if isinstance(came, dict) else {"number": int(scope.message)})


async def _use(scope: RunScope, tool: str, number: int) -> Any:
    outcome = await scope.use_tool(tool, number=number)
    return outcome.result if outcome.ok else (outcome.error or {}).get("code")


async def _mark(number: int) -> dict[str, int]:
    await asyncio.sleep(0)
    return {"number": number}


async def _line(scope: RunScope, number: int) -> list[Any]:
    """A task of its own with two steps, one after the other."""
    return _right([await _use(scope, "look", number), await _use(scope, "charge", number)], (number, number))


def _right(came: Sequence[Any], numbers: Sequence[int]) -> list[Any]:
    """What came of steps, each of which must be that of its number. Raises ``RuntimeError``."""
    for each, number in zip(came, numbers, strict=True):
        if isinstance(each, dict) and each["number"] != number:
            raise RuntimeError(f"swapped: {each} came of {number}")
    return list(came)


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


Charge = Callable[[str, str, int], Awaitable[dict[str, Any]]]
"""Acts on behalf of a user's run, for the step with this number."""


def make_charge(rng: Random, effects: Effects, slowest: Callable[[], float]) -> Charge:
    """What is done once. It takes a while before and after its effect."""

    async def charge(user_id: str, run_id: str, number: int) -> dict[str, Any]:
        await asyncio.sleep(rng.random() * slowest())
        effects.acted(run_id, number)
        await asyncio.sleep(rng.random() * slowest())
        return {"user": user_id, "number": number}

    return charge


def make_tools(rng: Random, effects: Effects, slowest: Callable[[], float]) -> list[Tool[Any]]:
    """The worker's tools."""
    act = make_charge(rng, effects, slowest)

    async def look(context: UserExecutionContext, arguments: Numbered) -> Any:
        await asyncio.sleep(rng.random() * slowest())
        return {"user": context.user_id, "number": arguments.number}

    async def charge(context: UserExecutionContext, arguments: Numbered) -> Any:
        return await act(context.user_id, context.run_id, arguments.number)

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
