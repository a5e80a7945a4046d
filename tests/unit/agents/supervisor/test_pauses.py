"""Pauses of an agent: each ends at the time that was recorded when it began."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.supervisor.pauses import LONGEST_S, check_pause
from netra_backend.app.core.events import AgentCompleted, StepFinished, StepStarted
from test_framework.counted_tool import kinds


async def asked(workshop: Any) -> list[Any]:
    client = workshop.connect("user_ada")
    accepted = await workshop.ask(client, "golden")
    events: list[Any] = await client.ended(accepted.run_id)
    return events


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), LONGEST_S + 1, "1", True, None])
def test_a_pause_has_an_end(seconds: Any) -> None:
    check_pause(0)
    check_pause(LONGEST_S)
    with pytest.raises(ValueError, match="A pause has 0 to"):
        check_pause(seconds)


async def test_a_pause_is_recorded_when_it_begins_with_its_end(workshop: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        await scope.sleep(0)
        await asyncio.gather(scope.sleep(0.0), scope.sleep(0))
        return AgentResult("awake")

    workshop.agent("golden", run)
    events = await asked(workshop)
    assert isinstance(events[-1], AgentCompleted)
    started = [event for event in events if isinstance(event, StepStarted)]
    assert [(each.kind, each.name, each.step) for each in started] == [("sleep", "", f"sleep#{n}") for n in (1, 2, 3)]
    assert [each.wake_ms for each in started] == [workshop.clock.now_ms()] * 3
    assert sum(isinstance(event, StepFinished) and event.ok for event in events) == 3


@pytest.mark.parametrize("frames", [2, 3, 4, 5])
async def test_after_a_restart_it_ends_when_it_would_have(workshop: Any, frames: int) -> None:
    async def run(scope: Any) -> AgentResult:
        await scope.sleep(0)
        await scope.think("awake")
        return AgentResult("awake")

    workshop.agent("golden", run)
    events = await asked(workshop)
    assert kinds(events)[2:] == ["StepStarted", "StepFinished", "AgentThinking", "AgentCompleted"]
    workshop.clock.advance(ms=500)
    client = await workshop.killed_after(events, "user_ada", frames)
    await client.ended(events[0].run_id)
    stored = await workshop.stored(events[0].run_id)
    assert isinstance(stored[-1], AgentCompleted)
    wakes = [event.wake_ms for event in stored if isinstance(event, StepStarted)]
    assert wakes == ([events[2].wake_ms] if frames > 2 else [workshop.clock.now_ms()])
    assert sum(isinstance(event, StepFinished) for event in stored) == 1


async def test_a_pause_that_the_agent_broke_off_is_broken_off_again(workshop: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        try:
            async with asyncio.timeout(0):
                await scope.sleep(3600)
        except TimeoutError:
            return AgentResult("woken")
        return AgentResult("slept")

    workshop.agent("golden", run)
    events = await asked(workshop)
    assert events[-1].result["text"] == "woken"
    assert [(event.error or {})["code"] for event in events if isinstance(event, StepFinished)] == ["CANCELLED"]
    client = await workshop.killed_after(events, "user_ada", len(events) - 1)
    await client.ended(events[0].run_id)
    assert (await workshop.stored(events[0].run_id))[-1].result["text"] == "woken"
