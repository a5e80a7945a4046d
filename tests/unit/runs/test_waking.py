"""Runs that sleep long: they leave memory, and go on or end at the right time, once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.events import AgentCancelled, AgentCompleted, RunResumed, RunSuspended, StepFinished
from netra_backend.app.core.frames import AnswerQuestion
from netra_backend.app.runs import waking

HOUR_MS = 3_600_000


@pytest.fixture
def sleeper(workshop: Any) -> list[str]:
    """An agent that sleeps for an hour if it is told so; what it did."""
    done: list[str] = []

    async def note(name: str) -> str:
        done.append(name)
        return name

    async def run(scope: Any) -> AgentResult:
        await scope.step("before", lambda: note("before"))
        if scope.message == "sleep":
            await scope.sleep(3600)
        elif scope.message == "both":
            await asyncio.gather(scope.sleep(3600), scope.step("long", gate.wait, idempotent=True))
        await scope.step("after", lambda: note("after"))
        return AgentResult("awake")

    gate = asyncio.Event()
    workshop.gate = gate
    workshop.agent("golden", run)
    return done


def tick(workshop: Any) -> None:
    workshop.turns.tick(workshop.clock.monotonic())


async def parked(workshop: Any, client: Any, message: str = "sleep", **fields: Any) -> Any:
    """A run that has left memory; its ``accepted`` frame."""
    accepted = await workshop.ask(client, "golden", message, **fields)

    async def slept() -> bool:
        tick(workshop)
        await asyncio.sleep(0)
        return workshop.turns.scheduler.parked.get(accepted.run_id) is not None

    await eventually(slept)
    await workshop.log.durable(workshop.turns.scheduler.parked.get(accepted.run_id).run)
    return accepted


async def parked_in_turn(workshop: Any, client: Any, count: int) -> list[Any]:
    """As ``parked``, and each is due a millisecond after the one before."""
    accepted = []
    for _ in range(count):
        accepted.append(await parked(workshop, client))
        workshop.clock.advance(ms=1)
    return accepted


async def eventually(condition: Any) -> None:
    for _ in range(500):
        if await condition():
            return
    raise AssertionError("it does not happen")


async def gone(workshop: Any) -> bool:
    await asyncio.sleep(0)
    return not workshop.turns.scheduler.all() and not workshop.turns.scheduler._abandoned


class TestParking:
    async def test_it_leaves_memory_and_goes_on_at_its_time_and_not_before(self, workshop: Any, sleeper: Any) -> None:
        client = workshop.connect()
        accepted = await parked(workshop, client)
        assert (workshop.held(), len(workshop.turns), workshop.bridge.get_factory_metrics()["emitters_active"]) == (
            (0, 0),
            0,
            0,
        )
        await eventually(lambda: gone(workshop))
        workshop.clock.advance(ms=HOUR_MS - 1)
        tick(workshop)
        await asyncio.sleep(0)
        assert not workshop.turns.scheduler.all()
        workshop.clock.advance(ms=1)
        tick(workshop)
        events = await client.ended(accepted.run_id)
        assert isinstance(events[-1], AgentCompleted)
        assert sleeper == ["before", "after"]
        suspended = [event for event in events if isinstance(event, RunSuspended)]
        assert [(each.reason, each.wake_ms) for each in suspended] == [("waiting", events[0].ts + HOUR_MS)]
        assert [event.beginning for event in events if isinstance(event, RunResumed)] == [2]
        assert len(workshop.turns.scheduler.parked) == 0
        assert workshop.held() == (0, 0)

    async def test_it_may_sleep_more_often_than_a_run_may_crash(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            for _ in range(5):
                await scope.sleep(3600)
            return AgentResult("awake")

        workshop.agent("golden", run)
        client = workshop.connect()
        accepted = await parked(workshop, client)
        for n in range(5):
            workshop.clock.advance(ms=HOUR_MS)
            tick(workshop)

            async def further(n: int = n) -> bool:
                await asyncio.sleep(0)
                tick(workshop)
                events = [e for e in await workshop.stored(accepted.run_id) if isinstance(e, StepFinished)]
                return len(events) > n and not workshop.turns.scheduler.all()

            await eventually(further)
        assert isinstance((await workshop.stored(accepted.run_id))[-1], AgentCompleted)

    async def test_what_else_the_run_does_is_waited_for(self, workshop: Any, sleeper: Any) -> None:
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden", "both")
        for _ in range(50):
            tick(workshop)
            await asyncio.sleep(0)
        assert workshop.turns.scheduler.get(accepted.run_id) is not None
        workshop.gate.set()

        async def slept() -> bool:
            tick(workshop)
            await asyncio.sleep(0)
            return workshop.turns.scheduler.parked.get(accepted.run_id) is not None

        await eventually(slept)

    async def test_a_run_that_asks_its_user_meanwhile_stays_until_it_is_answered(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            _, answer = await asyncio.gather(scope.sleep(3600), scope.ask_user("Which?"))
            return AgentResult(answer)

        workshop.agent("golden", run)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        await workshop.until(lambda: workshop.questions.of("user_ada"))
        for _ in range(20):
            tick(workshop)
            await asyncio.sleep(0)
        active = workshop.turns.scheduler.get(accepted.run_id)
        assert active is not None
        assert not active.engine.asleep_until
        (question,) = workshop.questions.of("user_ada")
        await workshop.turns.commands.answer(client, AnswerQuestion(question.told.question_id, "this", "key"))

        async def slept() -> bool:
            tick(workshop)
            await asyncio.sleep(0)
            return workshop.turns.scheduler.parked.get(accepted.run_id) is not None

        await eventually(slept)
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)
        assert (await client.ended(accepted.run_id))[-1].result["text"] == "this"

    async def test_above_the_bound_it_stays_in_memory_and_its_sleep_is_no_run_time(
        self, workshop: Any, sleeper: Any
    ) -> None:
        workshop.limits = replace(workshop.limits, parked_runs=0)
        workshop.open()
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden", "sleep")
        for _ in range(5):
            await asyncio.sleep(0)
            workshop.clock.advance(ms=int(workshop.limits.run_s * 900))
            tick(workshop)
        active = workshop.turns.scheduler.get(accepted.run_id)
        assert active.engine.cancelled_by is None
        await workshop.cancel(client, accepted.run_id)
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCancelled)

    async def test_a_user_who_has_as_many_runs_as_allowed_waits_for_the_next(self, workshop: Any, sleeper: Any) -> None:
        workshop.limits = replace(workshop.limits, runs=1)
        workshop.open()
        client, other = workshop.connect(), workshop.connect("user_bob")
        both = await parked_in_turn(workshop, client, 2)
        bobs = await parked(workshop, other)
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)
        going = [await client.ended(both[0].run_id), await other.ended(bobs.run_id)]
        assert all(isinstance(events[-1], AgentCompleted) for events in going)
        assert workshop.turns.scheduler.parked.get(both[1].run_id) is not None
        await eventually(lambda: gone(workshop))
        workshop.clock.advance(ms=1000)
        tick(workshop)
        assert isinstance((await client.ended(both[1].run_id))[-1], AgentCompleted)

    async def test_runs_of_a_user_without_room_keep_nobody_elses_waiting(
        self, workshop: Any, sleeper: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(waking, "_AT_ONCE", 2)
        workshop.limits = replace(workshop.limits, runs=1)
        workshop.open()
        client, other = workshop.connect(), workshop.connect("user_bob")
        adas = await parked_in_turn(workshop, client, 4)
        bobs = await parked(workshop, other)
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)
        going = [await client.ended(adas[0].run_id), await other.ended(bobs.run_id)]
        assert all(isinstance(events[-1], AgentCompleted) for events in going)
        await eventually(lambda: gone(workshop))
        waits = [
            workshop.turns.scheduler.parked.get(each.run_id).wake_ms - workshop.clock.now_ms() for each in adas[1:]
        ]
        assert waits == [1000, 2000, 3000]
        for each in adas[1:]:
            workshop.clock.advance(ms=1000)
            tick(workshop)
            assert isinstance((await client.ended(each.run_id))[-1], AgentCompleted)
            await eventually(lambda: gone(workshop))

    async def test_no_more_are_looked_at_in_one_tick_than_its_bound(
        self, workshop: Any, sleeper: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(waking, "_LOOKED_AT", 2)
        client = workshop.connect()
        runs = await parked_in_turn(workshop, client, 3)
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)
        for each in runs[:2]:
            assert isinstance((await client.ended(each.run_id))[-1], AgentCompleted)
        assert workshop.turns.scheduler.parked.get(runs[2].run_id) is not None
        await eventually(lambda: gone(workshop))
        tick(workshop)
        assert isinstance((await client.ended(runs[2].run_id))[-1], AgentCompleted)

    async def test_while_the_log_takes_nothing_it_stays_and_is_parked_later(self, workshop: Any, sleeper: Any) -> None:
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden", "sleep")

        async def asleep() -> bool:
            await asyncio.sleep(0)
            return bool(workshop.turns.scheduler.get(accepted.run_id).engine.asleep_until)

        await eventually(asleep)
        workshop.log.failed = True
        tick(workshop)
        assert workshop.turns.scheduler.get(accepted.run_id) is not None
        workshop.log.failed = False
        tick(workshop)
        assert workshop.turns.scheduler.parked.get(accepted.run_id) is not None

    async def test_the_next_run_of_its_thread_goes_on_meanwhile(self, workshop: Any, sleeper: Any) -> None:
        client = workshop.connect()
        first = await parked(workshop, client)
        second = await workshop.ask(client, "golden", "now", thread_id=first.thread_id)
        assert isinstance((await client.ended(second.run_id))[-1], AgentCompleted)
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)
        assert isinstance((await client.ended(first.run_id))[-1], AgentCompleted)


class TestRestarting:
    async def test_after_a_restart_it_goes_on_at_its_time_and_not_before(self, workshop: Any, sleeper: Any) -> None:
        accepted = await parked(workshop, workshop.connect())
        for _ in range(4):  # more often than a run may be begun without getting further
            await workshop.kill()
            assert await workshop.turns.recovery.take_over() == 0
            assert len(workshop.turns.scheduler.parked) == 1
            assert await workshop.turns.recovery.take_over() == 0
            tick(workshop)
            await asyncio.sleep(0)
            assert workshop.turns.scheduler.all() == []
        client = workshop.connect()
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)
        assert sleeper == ["before", "after"]

    async def test_one_whose_time_came_while_nobody_was_there_goes_on_at_once(
        self, workshop: Any, sleeper: Any
    ) -> None:
        accepted = await parked(workshop, workshop.connect())
        await workshop.kill()
        workshop.clock.advance(ms=HOUR_MS)
        client = workshop.connect()
        assert await workshop.turns.recovery.take_over() == 1
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)

    async def test_without_room_it_goes_on_in_memory(self, workshop: Any, sleeper: Any) -> None:
        accepted = await parked(workshop, workshop.connect())
        workshop.limits = replace(workshop.limits, parked_runs=0)
        await workshop.kill()
        assert await workshop.turns.recovery.take_over() == 1
        assert workshop.turns.scheduler.get(accepted.run_id) is not None

    async def test_a_thread_that_was_let_go_of_and_acquired_again_has_it_in_its_new_head(
        self, workshop: Any, sleeper: Any
    ) -> None:
        accepted = await parked(workshop, workshop.connect())
        before = workshop.turns.scheduler.parked.get(accepted.run_id).run.head
        workshop.log._heads.clear()
        await workshop.turns.recovery.resume([await workshop.log.run(accepted.run_id)])
        after = workshop.turns.scheduler.parked.get(accepted.run_id).run.head
        assert after is not before
        assert (before.pins, after.pins) == (0, 1)

    async def test_one_that_is_not_stored_yet_is_waited_for(
        self, workshop: Any, sleeper: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = workshop.connect()
        accepted = await parked(workshop, client)
        run, durable = workshop.log.run, workshop.log.durable
        waited: list[str] = []

        async def until_stored(record: Any) -> None:
            waited.append(record.run_id)
            await durable(record)

        async def found(run_id: str) -> Any:
            return await run(run_id) if waited else None

        monkeypatch.setattr(workshop.log, "durable", until_stored)
        monkeypatch.setattr(workshop.log, "run", found)
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)

    async def test_one_that_is_stopped_while_it_is_being_read_is_not_read_twice(
        self, workshop: Any, sleeper: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = workshop.connect()
        accepted = await parked(workshop, client)
        run = workshop.log.run
        reads: list[str] = []
        read = asyncio.Event()

        async def slowly(run_id: str) -> Any:
            reads.append(run_id)
            found = await run(run_id)
            await read.wait()
            return found

        monkeypatch.setattr(workshop.log, "run", slowly)
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)
        await workshop.until(lambda: reads)
        stopping = workshop.turns.waking.stop([workshop.turns.scheduler.parked.get(accepted.run_id)], "interrupt")
        read.set()
        await asyncio.gather(*stopping)
        events = await client.ended(accepted.run_id)
        assert reads == [accepted.run_id]
        assert isinstance(events[-1], AgentCancelled)

    async def test_one_that_is_gone_when_its_time_comes_is_forgotten(self, workshop: Any, sleeper: Any) -> None:
        accepted = await parked(workshop, workshop.connect())
        del workshop.store.runs[accepted.run_id]
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)

        async def forgotten() -> bool:
            await asyncio.sleep(0)
            return len(workshop.turns.scheduler.parked) == 0

        await eventually(forgotten)

    async def test_a_fault_of_ours_is_logged_and_it_is_tried_again(
        self, workshop: Any, sleeper: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = workshop.connect()
        accepted = await parked(workshop, client)

        async def broken(_: Any) -> Any:
            raise RuntimeError("broken")

        monkeypatch.setattr(workshop.log, "run", broken)
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)

        async def told() -> bool:
            await asyncio.sleep(0)
            return "a parked run could not go on" in caplog.text

        await eventually(told)
        monkeypatch.undo()
        workshop.clock.advance(ms=1000)
        tick(workshop)
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)

    async def test_what_is_read_again_already_stays_as_it_is(self, workshop: Any, sleeper: Any) -> None:
        accepted = await parked(workshop, workshop.connect())
        before = workshop.turns.scheduler.parked.get(accepted.run_id)
        await workshop.turns.recovery.resume([await workshop.log.run(accepted.run_id)])
        assert workshop.turns.scheduler.parked.get(accepted.run_id) is before

    async def test_a_drain_does_not_wait_for_one_that_is_being_read(
        self, workshop: Any, sleeper: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = workshop.connect()
        accepted = await parked(workshop, client)
        reading = asyncio.Event()

        async def never(_: Any) -> Any:
            reading.set()
            await asyncio.get_running_loop().create_future()

        monkeypatch.setattr(workshop.log, "run", never)
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)
        await reading.wait()
        await workshop.turns.drain(1)
        monkeypatch.undo()
        await workshop.kill()
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)

    async def test_a_drain_leaves_it_to_the_next_process(self, workshop: Any, sleeper: Any) -> None:
        accepted = await parked(workshop, workshop.connect())
        await workshop.turns.drain(1)
        assert len(workshop.turns.scheduler.parked) == 0
        await workshop.kill()
        workshop.clock.advance(ms=HOUR_MS)
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)


class TestStopping:
    async def test_a_cancel_ends_it_at_once(self, workshop: Any, sleeper: Any) -> None:
        client = workshop.connect()
        accepted = await parked(workshop, client)
        assert workshop.turns.commands.is_here("user_ada", accepted.run_id)
        await workshop.cancel(client, accepted.run_id)
        events = await workshop.stored(accepted.run_id)
        assert isinstance(events[-1], AgentCancelled)
        assert events[-1].by == "user"
        assert sleeper == ["before"]
        assert (len(workshop.turns.scheduler.parked), workshop.held()) == (0, (0, 0))
        workshop.clock.advance(ms=HOUR_MS)
        tick(workshop)
        await asyncio.sleep(0)
        assert workshop.turns.scheduler.all() == []

    async def test_nobody_else_can_cancel_it(self, workshop: Any, sleeper: Any) -> None:
        accepted = await parked(workshop, workshop.connect())
        with pytest.raises(LookupError):
            await workshop.cancel(workshop.connect("user_bob"), accepted.run_id)
        assert workshop.turns.scheduler.parked.get(accepted.run_id) is not None

    async def test_it_goes_with_its_thread(self, workshop: Any, sleeper: Any) -> None:
        client = workshop.connect()
        accepted = await parked(workshop, client)
        await workshop.turns.commands.delete_thread("user_ada", accepted.thread_id)
        assert len(workshop.turns.scheduler.parked) == 0
        assert await workshop.log.run(accepted.run_id) is None

    async def test_it_goes_with_its_user(self, workshop: Any, sleeper: Any) -> None:
        accepted = await parked(workshop, workshop.connect())
        assert await workshop.turns.commands.delete_user("user_ada", "user") == [accepted.thread_id]
        assert len(workshop.turns.scheduler.parked) == 0

    async def test_a_revocation_ends_it(self, workshop: Any, sleeper: Any) -> None:
        client = workshop.connect()
        accepted = await parked(workshop, client)
        workshop.turns.commands.stop_user("user_ada", "operator")
        events = await client.ended(accepted.run_id)
        assert isinstance(events[-1], AgentCancelled)
        assert events[-1].by == "operator"

    async def test_one_that_cannot_be_read_now_is_stopped_later(
        self, workshop: Any, sleeper: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = workshop.connect()
        accepted = await parked(workshop, client)

        async def away(_: Any) -> Any:
            raise DependencyUnavailable("away")

        monkeypatch.setattr(workshop.log, "run_frames", away)
        with pytest.raises(DependencyUnavailable):
            await workshop.cancel(client, accepted.run_id)
        monkeypatch.undo()
        workshop.clock.advance(ms=2000)
        tick(workshop)
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCancelled)

    @pytest.mark.parametrize("how", ["interrupt", "supersedes", ""])
    async def test_a_message_that_interrupts_or_supersedes_it_ends_it(
        self, workshop: Any, sleeper: Any, how: str
    ) -> None:
        client = workshop.connect()
        first = await parked(workshop, client)
        fields = {"interrupt": {"policy": "interrupt"}, "supersedes": {"supersedes": first.run_id}}.get(how, {})
        second = await workshop.ask(client, "golden", "now", thread_id=first.thread_id, **fields)
        assert isinstance((await client.ended(second.run_id))[-1], AgentCompleted)
        if how:
            assert (await client.ended(first.run_id))[-1].by == "interrupt"
        else:
            assert workshop.turns.scheduler.parked.get(first.run_id) is not None

    async def test_a_thread_that_is_lost_takes_it_along(self, workshop: Any, sleeper: Any) -> None:
        accepted = await parked(workshop, workshop.connect())
        run = workshop.turns.scheduler.parked.get(accepted.run_id).run
        run.head.reject_runs("fenced")
        assert len(workshop.turns.scheduler.parked) == 0
        assert run.head.pins == 0
