"""How runs end: exactly once, whoever stops them and whatever becomes of their process."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import (
    DependencyUnavailable,
    FactoryRefused,
    IsolationRefused,
    LimitRefused,
    NotFound,
)
from netra_backend.app.core.events import (
    TERMINAL,
    AgentCancelled,
    AgentCompleted,
    AgentFailed,
    AgentStarted,
    AgentThinking,
    RunResumed,
    UserMessage,
)
from netra_backend.app.core.frames import ExecuteAgent
from netra_backend.app.core.history import RunRecord
from netra_backend.app.core.limits import Limits


class TestCancelling:
    async def test_a_run_that_goes_on_is_stopped(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0")
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden", "m0")
        await client.saw(AgentThinking)
        await workshop.cancel(client, accepted.run_id)
        events = await client.ended(accepted.run_id)
        assert [event.by for event in events if isinstance(event, AgentCancelled)] == ["user"]
        assert [frame.run_id for frame in client.said] == [accepted.run_id] * 2
        assert workshop.held() == (0, 0)

    async def test_a_run_that_has_not_taken_its_first_step_is_stopped(self, workshop: Any, gates: Any) -> None:
        client = workshop.connect()
        await workshop.turns.start(client, ExecuteAgent("golden", "m0", None, "thr_1"))
        (active,) = workshop.turns.scheduler.all()
        await workshop.cancel(client, active.run.run_id)
        events = await client.ended(active.run.run_id)
        assert [type(event) for event in events] == [UserMessage, AgentCancelled]
        assert gates.order == []

    async def test_a_run_that_waits_is_stopped_and_the_others_go_on(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0")
        client = workshop.connect()
        first, second, third = [await workshop.ask(client, "golden", f"m{n}", thread_id="thr_1") for n in range(3)]
        await workshop.cancel(client, second.run_id)
        assert isinstance((await client.ended(second.run_id))[-1], AgentCancelled)
        assert workshop.held() == (1, 1)
        gates.open()
        for each in (first, third):
            assert isinstance((await client.ended(each.run_id))[-1], AgentCompleted)
        assert gates.order == ["m0", "m2"]

    async def test_a_run_that_has_ended_stays_as_it_is(self, workshop: Any, gates: Any) -> None:
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        before = await client.ended(accepted.run_id)
        await workshop.cancel(client, accepted.run_id)
        assert client.said[-1].run_id == accepted.run_id
        assert await workshop.stored(accepted.run_id) == before

    @pytest.mark.validation_point("run.owned")
    async def test_another_users_run_answers_as_an_absent_one(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0")
        ada, bob = workshop.connect("user_ada"), workshop.connect("user_bob")
        going = await workshop.ask(ada, "golden", "m0")
        over = await workshop.ask(ada, "golden", "m1")
        await ada.ended(over.run_id)
        told = []
        for run_id in (going.run_id, over.run_id, "run_absent"):
            seen: Any = None
            try:
                await workshop.cancel(bob, run_id)
            except NotFound as refusal:
                seen = (refusal.message, refusal.field, refusal.hint, refusal.entry.id)
            told.append(seen)
        assert told == [("There is no such run.", "run_id", told[0][2], "not_found")] * 3
        gates.open()
        assert isinstance((await ada.ended(going.run_id))[-1], AgentCompleted)

    async def test_an_agent_that_does_not_hear_is_told_again(self, workshop: Any) -> None:
        told: list[int] = []

        async def run(scope: Any) -> AgentResult:
            await scope.think("on my way")
            for n in range(3):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    told.append(n)
                    if n == 2:
                        raise
            return AgentResult("")

        workshop.agent("deaf", run)
        client = workshop.connect()
        accepted = await workshop.ask(client, "deaf")
        await client.saw(AgentThinking)
        await workshop.cancel(client, accepted.run_id)
        for n in range(2):
            await workshop.until(lambda n=n: len(told) > n)
            workshop.turns.scheduler.tick(workshop.clock.monotonic())
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCancelled)

    async def test_all_runs_of_a_thread_or_of_a_user_can_be_ended(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m")
        client = workshop.connect()
        for thread in ("thr_1", "thr_1", "thr_2"):
            await workshop.ask(client, "golden", "m", thread_id=thread)
        other = await workshop.ask(workshop.connect("user_bob"), "golden", "m", id="k1")
        await workshop.turns.scheduler.end_thread(workshop.log.known("thr_1"), "user")
        assert [active.run.head.thread_id for active in workshop.turns.scheduler.of_user("user_ada")] == ["thr_2"]
        await workshop.turns.commands.end_user("user_ada", "operator")
        assert [active.run.run_id for active in workshop.turns.scheduler.all()] == [other.run_id]
        assert workshop.held() == (0, 0)
        gates.open()

    async def test_ending_a_users_runs_waits_for_no_other_users_costs(
        self, workshop: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        workshop.prices = {}
        workshop.open()
        gate, waits = asyncio.Event(), asyncio.Event()

        async def settle(_: Any) -> None:
            waits.set()
            await gate.wait()

        monkeypatch.setattr(workshop.budgets.store, "settle", settle)
        use = await workshop.budgets.reserve("user_bob", None, "run_1:1", 1, "model", ("why?",), 1)
        workshop.budgets.settle_soon(use, {}, None)
        await waits.wait()
        async with asyncio.timeout(20):
            await workshop.turns.commands.end_user("user_ada", "operator")
        gate.set()
        await workshop.budgets.drained()

    async def test_a_request_that_comes_while_its_thread_is_ended_is_ended_too(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m")
        client = workshop.connect()
        await workshop.ask(client, "golden", "m", thread_id="thr_1")
        head = workshop.log.known("thr_1")
        ending = asyncio.create_task(workshop.turns.scheduler.end_thread(head, "user"))
        await asyncio.sleep(0)
        await workshop.turns.start(client, ExecuteAgent("golden", "m", None, "thr_1"))
        await ending
        assert head.pins == 0


class TestTime:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(run_s=60.0)

    async def test_a_run_that_takes_too_long_is_stopped(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0", "m1")
        client = workshop.connect()
        first = await workshop.ask(client, "golden", "m0", thread_id="thr_1")
        second = await workshop.ask(client, "golden", "m1", thread_id="thr_1")
        await client.saw(AgentThinking)
        for seconds, running in ((59.9, 2), (0.1, 1)):
            workshop.clock.advance(s=seconds)
            workshop.turns.scheduler.tick(workshop.clock.monotonic())
            await workshop.until(lambda running=running: len(workshop.turns) == running)
        events = await client.ended(first.run_id)
        assert events[-1].by == "timeout"
        await client.saw(AgentThinking, second.run_id)  # its time begins when it begins
        workshop.clock.advance(s=59.9)
        workshop.turns.scheduler.tick(workshop.clock.monotonic())
        gates.open()
        assert isinstance((await client.ended(second.run_id))[-1], AgentCompleted)


class TestQuotas:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(runs=3, queued_runs=4, process_runs=12)

    async def test_whatever_happens_nothing_is_held_at_the_end_and_every_accepted_run_ends_once(
        self, workshop: Any, rng: random.Random, seed: str
    ) -> None:
        print("seed", seed)
        gates: list[asyncio.Event] = []

        async def run(scope: Any) -> AgentResult:
            for _ in range(rng.randrange(3)):
                gate = asyncio.Event()
                gates.append(gate)
                await gate.wait()
                await scope.think("on")
            if rng.random() < 0.2:
                raise ValueError("broken")
            return AgentResult("")

        workshop.agent("golden", run)
        clients = [workshop.connect(f"user_{n % 3}") for n in range(6)]
        accepted: set[str] = set()
        refused = 0

        async def start(client: Any) -> None:
            nonlocal refused
            frame = ExecuteAgent(
                rng.choice(["golden"] * 9 + ["nobody"]),
                "m",
                rng.choice([None, *(f"k{n}" for n in range(20))]),
                rng.choice([None, *(f"thr_{n}" for n in range(5))]),
                policy=rng.choice(["enqueue", "enqueue", "reject", "interrupt"]),
            )
            try:
                await workshop.turns.start(client, frame)
            except (LimitRefused, IsolationRefused, NotFound):
                refused += 1

        async def cancel(client: Any) -> None:
            for active in workshop.turns.scheduler.of_user(client.user_id)[:1]:
                await workshop.cancel(client, active.run.run_id)

        async def let_go(_: Any) -> None:
            for gate in rng.sample(gates, min(len(gates), 3)):
                gate.set()

        actions: list[Callable[[Any], Any]] = [start] * 6 + [cancel, let_go, let_go]
        for _ in range(400):
            await rng.choice(actions)(rng.choice(clients))
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            for user_id in {client.user_id for client in clients}:
                runs, queued = workshop.held(user_id)
                mine = workshop.turns.scheduler.of_user(user_id)
                assert (runs, queued) == (
                    sum(active.task is not None for active in mine),
                    sum(active.task is None for active in mine),
                )
                assert runs <= 3
        while len(workshop.turns):
            for gate in gates:
                gate.set()
            await asyncio.sleep(0)
        await workshop.log.close()
        for client in clients:
            accepted |= {frame.run_id for frame in client.said}
            assert workshop.held(client.user_id) == (0, 0)
        assert refused > 0
        ends = Counter(
            event.run_id
            for client in clients[:3]  # one device of each user
            for event in client.events
            if isinstance(event, TERMINAL)
        )
        assert set(ends) == accepted
        assert set(ends.values()) == {1}
        assert workshop.engines.get_factory_metrics()["engines_active"] == 0


class TestEndOfProcess:
    async def test_a_drain_lets_runs_end(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0")
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden", "m0")
        draining = asyncio.create_task(workshop.turns.drain(60))
        await asyncio.sleep(0)
        gates.open()
        await draining
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)

    async def test_what_does_not_end_in_time_goes_on_in_the_next_process(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0", "m1")
        client = workshop.connect()
        accepted = [await workshop.ask(client, "golden", f"m{n}", thread_id="thr_1") for n in range(3)]
        await client.saw(AgentThinking)
        await workshop.turns.drain(0)
        assert not [event for event in client.events if isinstance(event, TERMINAL)]
        await workshop.log.close()
        workshop.open()
        client = workshop.connect()
        gates.order.clear()
        assert await workshop.turns.recovery.take_over() == 3
        assert workshop.held() == (1, 2)
        gates.open()
        for each in accepted:
            events = await client.ended(each.run_id)
            assert isinstance(events[-1], AgentCompleted)
        assert gates.order == ["m0", "m1", "m2"]
        stored = await workshop.stored(accepted[0].run_id)
        assert [type(event) for event in stored] == [
            UserMessage,
            AgentStarted,
            AgentThinking,
            RunResumed,
            AgentCompleted,
        ]
        assert workshop.held() == (0, 0)

    async def test_a_drain_does_not_wait_for_runs_that_wait_for_their_turn(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0")
        client = workshop.connect()
        first = await workshop.ask(client, "golden", "m0", thread_id="thr_1")
        second = await workshop.ask(client, "golden", "m1", thread_id="thr_1")
        draining = asyncio.create_task(workshop.turns.drain(3600))
        await asyncio.sleep(0)
        gates.open()
        await draining
        assert isinstance((await client.ended(first.run_id))[-1], AgentCompleted)
        assert [stored.run_id for stored in workshop.store.unfinished()] == [second.run_id]

    async def test_runs_of_one_thread_are_taken_over_in_their_order_whatever_the_clock_said(
        self, workshop: Any, gates: Any
    ) -> None:
        gates.shutting("m0")
        client = workshop.connect()
        accepted = []
        for n in range(5):
            accepted.append(await workshop.ask(client, "golden", f"m{n}", thread_id="thr_1"))
            workshop.clock.advance(s=-1)
        await workshop.kill()
        gates.open()
        gates.order.clear()
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        await client.ended(accepted[-1].run_id)
        assert gates.order == [f"m{n}" for n in range(5)]

    async def test_taking_over_again_takes_nothing_twice(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0")
        client = workshop.connect()
        await workshop.ask(client, "golden", "m0")
        await workshop.kill()
        assert [await workshop.turns.recovery.take_over(), await workshop.turns.recovery.take_over()] == [1, 0]
        assert workshop.turns.recovery.taken_over == 1
        gates.open()

    async def test_a_run_of_an_agent_that_there_is_no_more_fails(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0")
        accepted = await workshop.ask(workshop.connect(), "golden", "m0")
        workshop.agents.clear()
        await workshop.kill()
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        (*_, end) = await client.ended(accepted.run_id)
        assert isinstance(end, AgentFailed)
        assert end.error == "unknown_agent"

    async def test_a_run_that_cannot_be_read_keeps_no_other_from_going_on(
        self, workshop: Any, gates: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        head = workshop.log.create("user_bob", "thr_9", "e", "t", 0)
        broken = RunRecord(head, "run_0", "req_0", "golden", None, "UTC", 0)
        workshop.log.append(broken, b'{"type":"agent_started","thread_id":7}')
        gates.shutting("m0")
        accepted = await workshop.ask(workshop.connect(), "golden", "m0")
        await workshop.kill()
        gates.open()
        client = workshop.connect()
        assert await workshop.turns.recovery.take_over() == 1
        await client.ended(accepted.run_id)
        assert "a run could not be taken over" in caplog.text

    async def test_a_run_whose_log_fails_ends_here_and_goes_on_in_the_next_process(
        self, workshop: Any, gates: Any
    ) -> None:
        gates.shutting("m0")
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden", "m0")
        await client.saw(AgentThinking)
        workshop.log.abandon()
        gates.open()
        await workshop.until(lambda: len(workshop.turns) == 0)
        assert workshop.held() == (0, 0)
        workshop.open()
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)


def away(*_: Any, **__: Any) -> None:
    raise DependencyUnavailable("The log is away.")


class TestStopped:
    """What a user stops ends as stopped, within its bound, whatever its code does."""

    async def test_an_agent_that_swallows_the_stop_and_answers_all_the_same_ends_as_cancelled(
        self, workshop: Any
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.think("so far")
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return AgentResult("an answer")

        workshop.agent("golden", run)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        await client.saw(AgentThinking)
        await workshop.cancel(client, accepted.run_id)
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCancelled)

    async def test_an_agent_that_never_lets_go_is_given_up_after_the_limit_and_seen_no_more(
        self, workshop: Any
    ) -> None:
        released = asyncio.Event()
        refused: list[BaseException] = []

        async def run(scope: Any) -> AgentResult:
            await scope.think(scope.message)
            if scope.message == "second":
                return AgentResult("second")
            while not released.is_set():
                with suppress(asyncio.CancelledError):
                    await released.wait()
            try:
                await scope.think("afterwards")
            except FactoryRefused as fault:
                refused.append(fault)
            return AgentResult("an answer")

        workshop.agent("golden", run)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden", "first", thread_id="thr_1")
        following = await workshop.ask(client, "golden", "second", thread_id="thr_1")
        await client.saw(AgentThinking)
        await workshop.cancel(client, accepted.run_id)
        scheduler = workshop.turns.scheduler
        scheduler.tick(workshop.clock.monotonic())
        assert not [event for event in client.events if isinstance(event, TERMINAL)]
        task = scheduler.get(accepted.run_id).task
        workshop.clock.advance(s=workshop.limits.cancel_s)
        workshop.log.append, append = away, workshop.log.append
        scheduler.tick(workshop.clock.monotonic())
        workshop.log.append = append
        assert scheduler.get(accepted.run_id) is not None
        scheduler.tick(workshop.clock.monotonic())
        events = await client.ended(accepted.run_id)
        assert isinstance(events[-1], AgentCancelled)
        assert isinstance((await client.ended(following.run_id))[-1], AgentCompleted)
        released.set()
        await asyncio.wait([task])
        assert len(refused) == 1
        assert [type(event) for event in await workshop.stored(accepted.run_id)] == [type(event) for event in events]
        assert workshop.held() == (0, 0)

    async def test_deleting_waits_no_longer_than_the_limit_for_a_run_that_does_not_end(self, workshop: Any) -> None:
        released = asyncio.Event()

        async def run(scope: Any) -> AgentResult:
            await scope.think("so far")
            while not released.is_set():
                with suppress(asyncio.CancelledError):
                    await released.wait()
            return AgentResult("")

        workshop.agent("golden", run)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden", thread_id="thr_1")
        await client.saw(AgentThinking)
        task = workshop.turns.scheduler.get(accepted.run_id).task
        head = workshop.log.known("thr_1")
        ending = asyncio.create_task(workshop.turns.scheduler.end_thread(head, "user"))
        await asyncio.sleep(0)
        workshop.clock.advance(s=workshop.limits.cancel_s)
        workshop.turns.scheduler.tick(workshop.clock.monotonic())
        await ending
        assert not task.done()
        released.set()
        await asyncio.wait([task])
