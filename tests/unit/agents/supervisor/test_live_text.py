"""Text that an agent streams as it comes."""

from __future__ import annotations

import asyncio
from typing import Any

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.events import (
    AgentDelta,
    AgentThinking,
)


class TestDelta:
    async def test_text_that_is_no_step_is_streamed_in_its_order(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.delta("a")
            await scope.delta("b")
            await scope.think("then")
            await scope.delta("c")
            return AgentResult("end")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        shown = [
            (type(event).__name__, event.text) for event in events if isinstance(event, AgentDelta | AgentThinking)
        ]
        assert shown == [("AgentDelta", "a"), ("AgentDelta", "b"), ("AgentThinking", "then"), ("AgentDelta", "c")]
        assert {event.call_id for event in events if isinstance(event, AgentDelta)} == {f"{events[0].run_id}:0"}
        client = await workshop.killed_after(events, "user_ada", 5)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        attempts = [(event.attempt, event.text) for event in stored if isinstance(event, AgentDelta)]
        assert attempts == [(1, "a"), (1, "b"), (2, "a"), (2, "bc")]

    async def test_inside_of_a_step_it_belongs_to_that_step(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            async def body() -> None:
                await scope.delta("working")

            await scope.step("look", body)
            return AgentResult("end")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        delta = next(event for event in events if isinstance(event, AgentDelta))
        assert (delta.call_id, delta.attempt) == (events[2].call_id, 1)

    async def test_text_that_waits_is_shown_soon_without_another_event(self, workshop: Any) -> None:
        gate = asyncio.Event()

        async def run(scope: Any) -> AgentResult:
            await scope.delta("a")
            await scope.delta("b")
            await gate.wait()
            return AgentResult("end")

        workshop.agent("golden", run)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        await client.until(lambda: [event for event in client.events if isinstance(event, AgentDelta)][1:])
        gate.set()
        await client.ended(accepted.run_id)
