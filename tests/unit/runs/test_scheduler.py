"""The runs of one process: the room there is, and what is left to others. How runs end: ``tests/unit/test_turn_ends.py``;
what goes on elsewhere: ``tests/unit/fleet``."""

from __future__ import annotations

import asyncio
import random
import sys
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.supervisor.past_messages import past_messages
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.events import AgentCancelled, AgentCompleted, AgentThinking, UserMessage
from netra_backend.app.core.frames import ExecuteAgent
from netra_backend.app.core.limits import Limits
from netra_backend.app.runs import recovery
from netra_backend.app.runs import scheduler as module


@pytest.fixture
def limits() -> Limits:
    return Limits(process_runs=3)


async def test_there_is_room_for_as_many_as_are_allowed_and_none_when_it_drains(workshop: Any, gates: Any) -> None:
    gates.shutting("m")
    runs, client = workshop.turns.scheduler, workshop.connect()
    assert runs.room == 3
    for room in (2, 1, 0):
        await workshop.ask(client, "golden", "m")
        assert runs.room == room
    assert await workshop.turns.recovery.take_over() == 0
    gates.open()
    await workshop.until(lambda: runs.room == 3)
    await runs.drain(0)
    assert runs.room == 0


async def test_an_abandoned_run_says_and_does_nothing_more_and_counts_nowhere(workshop: Any, gates: Any) -> None:
    gates.shutting("m0")
    client = workshop.connect()
    accepted = [await workshop.ask(client, "golden", f"m{n}", thread_id="thr_1") for n in range(2)]
    await client.saw(AgentThinking)
    runs = workshop.turns.scheduler
    head = workshop.log.known("thr_1")
    seen = len(client.events)
    waiting, going = [runs.get(each.run_id) for each in reversed(accepted)]
    runs.on_lease_lost(going.run)
    assert (runs.of_thread(head), head.pins, len(runs), workshop.held()) == ([], 0, 0, (0, 0))
    assert (waiting.run.ended, going.run.ended) == (True, True)
    await asyncio.gather(going.task, return_exceptions=True)
    gates.open()
    await asyncio.sleep(0)
    assert len(client.events) == seen
    assert gates.order == ["m0"]
    assert workshop.engines.get_factory_metrics()["engines_active"] == 0
    assert await workshop.turns.recovery.take_over() == 2
    for each in accepted:
        assert isinstance((await client.ended(each.run_id))[-1], AgentCompleted)


async def test_a_run_that_was_not_begun_when_it_was_abandoned_never_begins(workshop: Any, gates: Any) -> None:
    client = workshop.connect()
    await workshop.turns.start(client, ExecuteAgent("golden", "m0", None, "thr_1"))
    (active,) = workshop.turns.scheduler.all()
    workshop.turns.scheduler.abandon(active)
    await asyncio.gather(active.task, return_exceptions=True)
    assert gates.order == []
    await client.until(lambda: client.events)
    assert [type(event) for event in client.events] == [UserMessage]


async def test_an_abandoned_run_that_does_not_hear_is_told_again(workshop: Any) -> None:
    told: list[int] = []

    async def run(scope: Any) -> Any:
        await scope.think("on my way")
        for n in range(3):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told.append(n)
        return None

    workshop.agent("deaf", run)
    client = workshop.connect()
    await workshop.ask(client, "deaf")
    await client.saw(AgentThinking)
    (active,) = workshop.turns.scheduler.all()
    workshop.turns.scheduler.abandon(active)
    for n in range(3):
        await workshop.until(lambda n=n: len(told) > n)
        workshop.turns.scheduler.tick(workshop.clock.monotonic())
    await workshop.until(lambda: active.task.done())
    assert len(client.events) == 3
    assert workshop.held() == (0, 0)


class TestTheOrderOfMany:
    """It reaches the world, and is the same in each process: a simulation's seed ends in the same way everywhere."""

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(process_runs=12)

    async def test_abandoned_runs_are_told_in_the_order_in_which_they_were_abandoned(
        self, workshop: Any, rng: random.Random
    ) -> None:
        told: list[str] = []

        async def run(scope: Any) -> Any:
            await scope.think("on my way")
            for _ in range(2):  # deaf to the first word
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    told.append(scope.message)
            return None

        workshop.agent("deaf", run)
        clients = [workshop.connect(f"user_{n}") for n in range(12)]
        for client in clients:
            await workshop.ask(client, "deaf", client.user_id)
            await client.saw(AgentThinking)
        actives = list(workshop.turns.scheduler.all())
        rng.shuffle(actives)
        for active in actives:
            workshop.turns.scheduler.abandon(active)
        await workshop.until(lambda: len(told) == 12)
        workshop.turns.scheduler.tick(workshop.clock.monotonic())
        await workshop.until(lambda: all(active.task.done() for active in actives))
        assert told == 2 * [active.owner for active in actives]

    async def test_what_is_being_resumed_is_given_up_in_the_order_in_which_it_was_taken(
        self, workshop: Any, gates: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        texts = [f"m{n}" for n in range(12)]
        gates.shutting(*texts)
        for n, text in enumerate(texts):
            await workshop.ask(workshop.connect(f"user_{n}"), "golden", text, thread_id=f"thr_{n}")
        await workshop.kill()
        begun, given_up = list[str](), list[str]()

        async def never(run: Any) -> Any:
            begun.append(run.thread_id)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                given_up.append(run.thread_id)
                raise

        monkeypatch.setattr(workshop.log, "run_frames", never)
        monkeypatch.setattr(recovery, "_CANCEL_S", 0)
        left = workshop.store.unfinished()
        taking = [asyncio.create_task(workshop.turns.recovery.resume([stored])) for stored in left]
        await workshop.until(lambda: len(begun) == 12)
        await workshop.turns.drain(0)
        await asyncio.gather(*taking, return_exceptions=True)
        assert given_up == [stored.thread_id for stored in left]


async def test_what_was_said_about_a_run_is_forgotten_where_its_end_is_refused(
    workshop: Any, gates: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates.shutting("m0")
    await workshop.ask(workshop.connect(), "golden", "m0", thread_id="thr_1")
    (active,) = workshop.turns.scheduler.all()
    forgotten: list[str] = []
    monkeypatch.setattr(workshop.questions, "forget", forgotten.append)
    gates.open()
    await active.task
    assert (len(workshop.turns), active.run.head.pins) == (0, 0)
    workshop.turns.scheduler.on_lease_lost(active.run)
    assert forgotten == [active.run.run_id]


class TestHistory:
    """A run whose past cannot be read at the moment."""

    @pytest.fixture
    async def reads(self, workshop: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """The reads that were tried: the first two fail. The thread has a past, which the agent wants to know."""

        async def run(scope: Any) -> AgentResult:
            return AgentResult("", {"told": [past.text for past in scope.history]})

        workshop.agent("knowing", run, history_messages=1)
        client = workshop.connect()
        await client.ended((await workshop.ask(client, "knowing", "first", thread_id="thr_1")).run_id)
        tried: list[int] = []
        read = past_messages

        async def away(*asked: Any) -> Any:
            tried.append(len(tried))
            if len(tried) < 3:
                raise DependencyUnavailable("away")
            return await read(*asked)

        monkeypatch.setattr(module, "_AGAIN_S", 0)
        monkeypatch.setattr(module, "past_messages", away)
        return tried

    async def test_it_waits_until_the_log_is_back(self, workshop: Any, reads: list[int]) -> None:
        client = workshop.connect()
        accepted = await workshop.ask(client, "knowing", "second", thread_id="thr_1")
        (*_, end) = await client.ended(accepted.run_id)
        assert isinstance(end, AgentCompleted)
        assert end.result["data"] == {"told": [""]}  # the answer before
        assert reads == [0, 1, 2]

    async def test_it_does_not_wait_for_a_log_that_has_failed_for_good(
        self, workshop: Any, reads: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:

            async def gone(*_: Any) -> Any:
                reads.append(0)
                patched.setattr(workshop.log, "failed", True)
                raise DependencyUnavailable("gone")

            patched.setattr(module, "past_messages", gone)
            await workshop.turns.start(workshop.connect(), ExecuteAgent("knowing", "second", None, "thr_1"))
            await workshop.until(lambda: not len(workshop.turns))
        assert reads == [0]

    async def test_it_does_not_wait_where_another_process_holds_its_thread(
        self, workshop: Any, reads: list[int]
    ) -> None:
        await workshop.turns.start(workshop.connect(), ExecuteAgent("knowing", "second", None, "thr_1"))
        (active,) = workshop.turns.scheduler.all()
        active.run.head.fence = 0
        await workshop.until(lambda: not len(workshop.turns))
        assert reads == [0]


async def test_code_of_a_run_is_named_with_its_agent_as_long_as_the_run_is_here(workshop: Any) -> None:
    frames: list[Any] = []
    runs = workshop.turns.scheduler

    async def run(scope: Any) -> AgentResult:
        frames.append(sys._getframe())
        named.append(runs.on_stack(frames[0]))
        return AgentResult("")

    named: list[dict[str, str]] = []
    workshop.agent("golden", run)
    events = await workshop.run("golden")
    assert named == [{"run_id": events[0].run_id, "agent": "golden"}]
    await workshop.until(lambda: not len(runs))
    assert runs.on_stack(frames[0]) == {}


async def test_a_waiting_run_whose_end_the_log_does_not_take_stays_and_can_be_ended_later(
    workshop: Any, gates: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates.shutting("first")
    client = workshop.connect()
    first = await workshop.ask(client, "golden", "first", thread_id="thr_1")
    second = await workshop.ask(client, "golden", "second", thread_id="thr_1")
    scheduler = workshop.turns.scheduler

    def away(*_: Any, **__: Any) -> None:
        raise DependencyUnavailable("The log is away.")

    monkeypatch.setattr(workshop.log, "append", away)
    with pytest.raises(DependencyUnavailable):
        scheduler.stop(scheduler.get(second.run_id), "user")
    monkeypatch.undo()
    async with asyncio.timeout(20):
        await scheduler.end_thread(workshop.log.known("thr_1"), "user")
    for run in (first, second):
        assert (await client.saw(AgentCancelled, run.run_id)).by == "user"
