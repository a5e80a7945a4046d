"""Runs that are begun again: how often, and with which code."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.events import (
    AgentFailed,
    AgentThinking,
    RunResumed,
    RunSuspended,
    StepStarted,
)


class TestBeginnings:
    """A run that ends its process each time it is begun is given up; one that waits is not."""

    @pytest.mark.validation_point("run.beginnings")
    async def test_a_run_that_was_begun_three_times_without_getting_further_is_given_up(self, workshop: Any) -> None:
        begun: list[int] = []

        async def run(scope: Any) -> AgentResult:
            await scope.think("so far")
            begun.append(1)
            if len(begun) <= 3:
                await asyncio.Event().wait()
            return AgentResult("")

        workshop.agent("golden", run)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        await client.saw(AgentThinking)
        for times in (2, 3):
            await workshop.kill()
            client = workshop.connect()
            await workshop.turns.recovery.take_over()
            await workshop.until(lambda times=times: len(begun) == times)
        await workshop.kill()
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        events = await client.ended(accepted.run_id)
        assert (getattr(events[-1], "error", None), len(begun)) == ("agent_crashed", 3)

    async def test_a_run_that_was_resumed_and_waits_or_is_drained_is_not_given_up(self, workshop: Any) -> None:
        begun: list[int] = []

        async def run(scope: Any) -> AgentResult:
            await scope.think("so far")
            begun.append(1)
            await asyncio.Event().wait()
            return AgentResult("")

        workshop.agent("golden", run)
        client = workshop.connect()
        await workshop.ask(client, "golden")
        await client.saw(AgentThinking)
        for times in range(2, 7):
            await workshop.turns.drain(0)
            await workshop.log.close()
            workshop.open()
            await workshop.turns.recovery.take_over()
            await workshop.until(lambda times=times: len(begun) == times)

    async def test_a_run_whose_process_ends_again_and_again_while_it_pauses_is_not_given_up(
        self, workshop: Any
    ) -> None:
        begun: list[int] = []

        async def run(scope: Any) -> AgentResult:
            begun.append(1)
            await asyncio.gather(scope.sleep(50), scope.sleep(60))
            return AgentResult("awake")

        workshop.agent("golden", run)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        await client.saw(StepStarted)
        for times in range(2, 7):
            await workshop.kill()
            client = workshop.connect()
            await workshop.turns.recovery.take_over()
            await workshop.until(lambda: all(active.engine.asleep_until for active in workshop.turns.scheduler.all()))
            assert len(begun) == times
            (active,) = workshop.turns.scheduler.all()
            await active.engine.emitter.durable()
        stored = await workshop.stored(accepted.run_id)
        assert [type(each) for each in stored[4:]] == [RunResumed, RunSuspended] * 5
        await workshop.kill()
        workshop.clock.advance(ms=60_000)
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        assert (await client.ended(accepted.run_id))[-1].result["text"] == "awake"

    @pytest.mark.parametrize(("code", "compatible", "ends"), [("2", (), True), ("2", ("1",), False), ("1", (), False)])
    @pytest.mark.validation_point("run.code")
    async def test_a_run_goes_on_only_with_code_that_can(
        self, workshop: Any, code: str, compatible: Any, ends: bool
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.think("one")
            await scope.think("two")
            return AgentResult("")

        workshop.agent("golden", run, version="1")
        events = await workshop.run("golden")
        assert events[1].agent_version == "1"
        workshop.agents.clear()
        workshop.registry = type(workshop.registry)()
        workshop.agent("golden", run, version=code, compatible_versions=compatible)
        client = await workshop.killed_after(events, "user_ada", 3)
        await client.ended(events[0].run_id)
        last = (await workshop.stored(events[0].run_id))[-1]
        assert (getattr(last, "error", None) == "agent_changed") == ends

    async def test_the_version_of_an_agents_code_is_its_modules_source_unless_it_says(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            return AgentResult("")

        workshop.agent("golden", run)
        workshop.agent("other", run)
        workshop.agent("own", run, version="7")
        assert workshop.registry.code_of("golden") == workshop.registry.code_of("other") != ""
        assert (workshop.registry.code_of("own"), workshop.registry.code_of("nobody")) == ("7", "")

    @pytest.mark.parametrize("fault", [SystemExit(1), KeyboardInterrupt()])
    @pytest.mark.parametrize("in_task", [True, False])
    async def test_an_agent_that_would_end_the_process_fails_its_run(
        self, workshop: Any, fault: BaseException, in_task: bool
    ) -> None:
        async def exits() -> None:
            raise fault

        async def run(scope: Any) -> AgentResult:
            await (asyncio.create_task(exits()) if in_task else exits())
            return AgentResult("")

        workshop.agent("golden", run)
        assert isinstance((await workshop.run("golden"))[-1], AgentFailed)

    @pytest.mark.parametrize("fault", [SystemExit(1), KeyboardInterrupt()])
    async def test_a_task_that_would_end_the_process_when_it_is_cancelled_fails_its_run(
        self, workshop: Any, fault: BaseException
    ) -> None:
        async def exits() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                raise fault from None

        async def run(scope: Any) -> AgentResult:
            task = asyncio.create_task(exits())
            await asyncio.sleep(0)
            task.cancel()
            await task
            return AgentResult("")

        workshop.agent("golden", run)
        assert isinstance((await workshop.run("golden"))[-1], AgentFailed)
