"""Steps side by side: whatever order I/O brings, a branch finds its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentFailed,
    AgentThinking,
    StepFinished,
    StepStarted,
)
from test_framework.counted_tool import adding, kinds, uninterrupted


def data_of(events: list[Any]) -> Any:
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events[-1].result["data"]


class TestParallel:
    """Whatever order I/O brings, a branch finds its own steps."""

    @pytest.mark.parametrize("frames", range(1, 16))
    async def test_wherever_it_is_killed_parallel_steps_keep_their_results(
        self, workshop: Any, witness: Any, frames: int
    ) -> None:
        delays = {"a": 3, "b": 1, "c": 2}

        async def run(scope: Any) -> AgentResult:
            async def line(name: str) -> Any:
                async def body() -> str:
                    for _ in range(delays[name]):
                        await asyncio.sleep(0)
                    witness.done.append(name)
                    return name

                first = await scope.step("work", body, idempotent=True)
                second = await scope.use_tool("add", amount=ord(name))
                return [first, second.result]

            got = await asyncio.gather(*(line(name) for name in "abc"), scope.think("beside"))
            return AgentResult("", {"got": got[:3]})

        async def twice(context: Any, arguments: Any) -> int:
            return 2 * int(arguments.amount)

        workshop.tool(adding(twice))
        workshop.agent("golden", run, ["add"])
        events = await workshop.run("golden")
        assert len(events) == 16
        expected = data_of(events)
        assert [each[0] for each in expected["got"]] == ["a", "b", "c"]
        recorded = [event for event in events[:frames] if isinstance(event, StepFinished)]
        witness.done.clear()
        delays.update(a=1, b=3, c=2)
        client = await workshop.killed_after(events, "user_ada", frames)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        assert data_of(stored) == expected
        assert len(witness.done) == 3 - len(recorded)
        assert sorted(uninterrupted(stored)) == sorted(kinds(events)) or "StepStarted" in kinds(events[:frames])

    async def test_tasks_of_libraries_and_waiting_with_a_limit_shift_no_key(self, workshop: Any, witness: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            noise = [asyncio.create_task(asyncio.sleep(0)) for _ in range(3)]
            await asyncio.wait_for(scope.step("one", witness.body("one")), 10)
            async with asyncio.timeout(10):
                await scope.step("two", witness.body("two"))
            async with asyncio.TaskGroup() as group:
                group.create_task(scope.step("three", witness.body("three")))
            await asyncio.gather(*noise)
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        keys = [event.step for event in events if isinstance(event, StepStarted)]
        assert keys == ["step:one#1", "step:two#1", "step:three#1"]

    async def test_a_branch_may_be_named_by_hand(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            for name in ("left", "right", "left"):
                with scope.branch(name):
                    await scope.think(name)
            await scope.think("outside")
            return AgentResult("")

        workshop.agent("golden", run)
        keys = [event.step for event in await workshop.run("golden") if isinstance(event, AgentThinking)]
        assert keys == ["left.1/think#1", "right.1/think#1", "left.2/think#1", "think#1"]

    async def test_steps_that_act_once_and_are_begun_together_wait_for_one_commit(
        self, workshop: Any, witness: Any
    ) -> None:
        waited: list[int] = []

        async def run(scope: Any) -> AgentResult:
            await asyncio.gather(*(scope.step(f"pay_{n}", witness.body(f"pay_{n}")) for n in range(5)))
            return AgentResult("")

        workshop.agent("golden", run)
        durable = workshop.log.durable

        async def counting(record: Any) -> None:
            waited.append(record.head.top)
            await durable(record)

        workshop.log.durable = counting
        await workshop.run("golden")
        assert len(waited) == 5
        assert max(waited) - min(waited) <= 4  # all of them wait for the chunk of that loop iteration

    async def test_what_the_agent_broke_off_is_broken_off_again_on_a_replay(self, workshop: Any, witness: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            async def fails() -> None:
                await scope.think("about to fail")
                raise ValueError("as planned")

            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(scope.step("long", asyncio.Event().wait))
                    group.create_task(fails())
            except* ValueError:
                await scope.think("went on")
            await scope.think("end")
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        finished = next(event for event in events if isinstance(event, StepFinished))
        assert (finished.error or {})["code"] == "CANCELLED"
        client = await workshop.killed_after(events, "user_ada", len(events) - 2)
        await client.ended(events[0].run_id)
        assert uninterrupted(await workshop.stored(events[0].run_id)) == kinds(events)

    async def test_a_step_that_was_recorded_and_is_not_asked_for_again_fails_the_run(
        self, workshop: Any, witness: Any
    ) -> None:
        takes = [True, False]

        async def run(scope: Any) -> AgentResult:
            if takes.pop(0):
                await scope.step("pay", witness.body("pay"))
            await scope.think("end")
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        client = await workshop.killed_after(events, "user_ada", len(events) - 2)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        assert isinstance(stored[-1], AgentFailed)
        assert "it recorded step:pay#1, but has not asked for it again" in stored[-1].message
