"""A run goes no further ahead of the store than its limit, whatever its agent does, and however much it does at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.history import FRAME_WEIGHT, RunRecord
from test_framework.counted_tool import Counter, adding

MOST_AHEAD = 65_536
STEPS = 300


async def idle(scope: Any) -> AgentResult:
    return AgentResult("")


async def nothing() -> None:
    """The body of a step."""


ACTS: dict[str, Callable[[Any, int], Awaitable[Any]]] = {
    "think": lambda scope, at: scope.think("hm"),
    "say": lambda scope, at: scope.say("hm"),
    "delta": lambda scope, at: scope.delta("hm" * 10_000),
    "use_tool": lambda scope, at: scope.use_tool("add", amount=at),
    "step": lambda scope, at: scope.step("nothing", nothing, idempotent=True),
    "state": lambda scope, at: scope.state.get("mood"),
    "run_agent": lambda scope, at: scope.run_agent("idle", "go on"),
    "sleep": lambda scope, at: scope.sleep(0),
}


async def in_turn(acts: Iterable[Awaitable[Any]]) -> None:
    for act in acts:
        await act


async def together(acts: Iterable[Awaitable[Any]]) -> None:
    await asyncio.gather(*acts)


@pytest.mark.parametrize("doing", [in_turn, together])
@pytest.mark.parametrize("act", ACTS)
async def test_an_agent_that_goes_on_and_on_waits_for_the_store(
    workshop: Any, act: str, doing: Callable[[Iterable[Awaitable[Any]]], Awaitable[None]]
) -> None:
    workshop.limits = replace(workshop.limits, run_ahead_bytes=MOST_AHEAD)
    workshop.open()
    workshop.tool(adding(Counter()))
    workshop.agent("idle", idle)
    append, ahead = workshop.log.append, []

    def appended(run: RunRecord, *arguments: Any, **named: Any) -> None:
        append(run, *arguments, **named)
        ahead.append(run.head.top - run.head.durable)

    workshop.log.append = appended

    async def run(scope: Any) -> AgentResult:
        await doing(ACTS[act](scope, at) for at in range(STEPS))
        return AgentResult("")

    workshop.agent("busy", run, ["add"])
    await workshop.run("busy")
    assert len(ahead) > STEPS
    assert max(ahead) <= 2 * MOST_AHEAD // FRAME_WEIGHT, "each of those that have begun ends"
