"""One request, one pass: accepted once, in its thread's order, within its user's limits."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from netra_backend.app.core.errors import DependencyUnavailable, IsolationRefused, LimitRefused, NotFound
from netra_backend.app.core.events import (
    TERMINAL,
    AgentCancelled,
    AgentCompleted,
    AgentStarted,
    AgentThinking,
    RunQueued,
    UserMessage,
)
from netra_backend.app.core.frames import ExecuteAgent
from netra_backend.app.core.limits import Limits
from netra_backend.app.runs.accepted_requests import KEY_LIFETIME_MS


class TestAccepting:
    async def test_a_request_is_accepted_when_it_is_stored_and_not_before(self, workshop: Any, gates: Any) -> None:
        client = workshop.connect()
        await workshop.turns.start(client, ExecuteAgent("golden", "go", "k1", "thr_1"))
        assert client.said == []
        accepted = await client.heard()
        assert (accepted.id, accepted.thread_id, accepted.seq) == ("k1", "thr_1", 1)
        head = workshop.log.known("thr_1")
        assert (accepted.epoch, head.owner) == (head.epoch, "user_ada")
        events = await client.ended(accepted.run_id)
        assert [type(event) for event in events] == [UserMessage, AgentStarted, AgentThinking, AgentCompleted]
        assert (len(workshop.turns), workshop.turns.scheduler.started) == (0, 1)

    async def test_without_a_thread_a_new_one_is_made(self, workshop: Any, gates: Any) -> None:
        client = workshop.connect()
        one, two = await workshop.ask(client, "golden"), await workshop.ask(client, "golden")
        assert one.thread_id != two.thread_id
        assert one.thread_id.startswith("thr_")

    @pytest.mark.validation_point("registry.agent")
    async def test_an_agent_that_there_is_not_starts_nothing(self, workshop: Any) -> None:
        client = workshop.connect()
        with pytest.raises(NotFound, match="There is no agent named 'nobody'"):
            await workshop.ask(client, "nobody", thread_id="thr_1")
        assert workshop.log.known("thr_1") is None
        assert client.said == []

    @pytest.mark.validation_point("thread.claim")
    async def test_another_users_thread_is_refused_and_gets_no_event(self, workshop: Any, gates: Any) -> None:
        ada, bob = workshop.connect("user_ada"), workshop.connect("user_bob")
        accepted = await workshop.ask(ada, "golden", thread_id="shared_thread_123")
        await ada.ended(accepted.run_id)
        with pytest.raises(IsolationRefused, match="SSOT isolation"):
            await workshop.ask(bob, "golden", thread_id="shared_thread_123")
        assert workshop.log.known("shared_thread_123").top == 4
        assert (bob.events, bob.said) == ([], [])

    async def test_of_two_users_who_claim_a_thread_at_once_one_gets_it(self, workshop: Any, gates: Any) -> None:
        clients = [workshop.connect(f"user_{n}") for n in range(5)]
        asked = [workshop.turns.start(client, ExecuteAgent("golden", "go", None, "thr_1")) for client in clients]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert Counter(map(type, answers)) == {type(None): 1, IsolationRefused: 4}
        winner = clients[answers.index(None)]
        await winner.ended((await winner.heard()).run_id)
        assert all(client.events == [] for client in clients if client is not winner)

    async def test_a_log_that_is_down_accepts_nothing_and_holds_nothing(self, workshop: Any, gates: Any) -> None:
        client = workshop.connect()
        workshop.log.abandon()
        with pytest.raises(DependencyUnavailable):
            await workshop.turns.start(client, ExecuteAgent("golden", "go"))
        assert (workshop.held(), len(workshop.turns)) == ((0, 0), 0)
        assert workshop.engines.get_factory_metrics()["engines_active"] == 0

    async def test_a_connection_that_is_gone_starts_nothing(self, workshop: Any, gates: Any) -> None:
        client = workshop.connect()
        workshop.pool.remove(client)
        with pytest.raises(RuntimeError, match="No active WebSocket connection found"):
            await workshop.turns.start(client, ExecuteAgent("golden", "go"))
        assert workshop.held() == (0, 0)


class TestIdempotency:
    async def test_the_same_key_gives_the_first_answer_again_and_starts_nothing_twice(
        self, workshop: Any, gates: Any
    ) -> None:
        client, phone = workshop.connect(), workshop.connect()
        first = await workshop.ask(client, "golden", id="k1", thread_id="thr_1")
        await client.ended(first.run_id)
        assert await workshop.ask(client, "golden", "other words", id="k1") == first
        assert await workshop.ask(phone, "golden", id="k1") == first
        assert workshop.turns.scheduler.started == 1

    @pytest.mark.parametrize("thread_id", [None, "thr_1"])
    async def test_the_same_key_over_many_sockets_at_once_starts_one_run(
        self, workshop: Any, gates: Any, thread_id: str | None
    ) -> None:
        clients = [workshop.connect() for _ in range(4)]
        frame = ExecuteAgent("golden", "go", "k1", thread_id)
        await asyncio.gather(*(workshop.turns.start(client, frame) for client in clients))
        answers = [await client.heard() for client in clients]
        assert len({answer.run_id for answer in answers}) == 1
        assert workshop.turns.scheduler.started == 1

    async def test_a_key_counts_after_a_restart(self, workshop: Any, gates: Any) -> None:
        client = workshop.connect()
        first = await workshop.ask(client, "golden", id="k1")
        await client.ended(first.run_id)
        await workshop.kill()
        client = workshop.connect()
        assert await workshop.ask(client, "golden", id="k1") == first
        assert workshop.turns.scheduler.started == 0

    async def test_a_key_is_its_users_own(self, workshop: Any, gates: Any) -> None:
        ada, bob = workshop.connect("user_ada"), workshop.connect("user_bob")
        one, two = await workshop.ask(ada, "golden", id="k1"), await workshop.ask(bob, "golden", id="k1")
        assert one.run_id != two.run_id
        assert one.thread_id != two.thread_id

    async def test_a_key_counts_for_a_day(self, workshop: Any, gates: Any) -> None:
        client = workshop.connect()
        first = await workshop.ask(client, "golden", id="k1")
        await client.ended(first.run_id)
        workshop.clock.advance(ms=KEY_LIFETIME_MS)
        assert await workshop.ask(client, "golden", id="k1") == first
        workshop.clock.advance(ms=1)
        assert (await workshop.ask(client, "golden", id="k1")).run_id != first.run_id

    async def test_a_key_that_is_answered_before_its_commit_waits_for_it(self, workshop: Any, gates: Any) -> None:
        client, phone = workshop.connect(), workshop.connect()
        frame = ExecuteAgent("golden", "go", "k1")
        await workshop.turns.start(client, frame)
        await workshop.turns.start(phone, frame)
        assert phone.said == client.said != []


class TestLines:
    async def test_requests_of_one_thread_are_done_in_their_order(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0")
        client = workshop.connect()
        accepted = [await workshop.ask(client, "golden", f"m{n}", thread_id="thr_1") for n in range(4)]
        queued = [event.queue_position for event in client.events if isinstance(event, RunQueued)]
        assert queued == [1, 2, 3]
        assert workshop.held() == (1, 3)
        gates.open("m0")
        for each in accepted:
            await client.ended(each.run_id)
        assert gates.order == ["m0", "m1", "m2", "m3"]
        started = [event.run_id for event in client.events if isinstance(event, AgentStarted)]
        ended = [event.run_id for event in client.events if isinstance(event, TERMINAL)]
        assert started == ended == [each.run_id for each in accepted]
        assert workshop.held() == (0, 0)

    async def test_threads_do_not_wait_for_each_other(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0")
        client = workshop.connect()
        await workshop.ask(client, "golden", "m0", thread_id="thr_1")
        other = await workshop.ask(client, "golden", "m1", thread_id="thr_2")
        await client.ended(other.run_id)
        gates.open()

    @pytest.mark.validation_point("thread.busy")
    async def test_policy_reject_is_refused_while_a_run_goes_on(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0")
        client = workshop.connect()
        first = await workshop.ask(client, "golden", "m0", thread_id="thr_1")
        with pytest.raises(LimitRefused, match="A run is already in progress") as refused:
            await workshop.turns.start(client, ExecuteAgent("golden", "m1", None, "thr_1", policy="reject"))
        assert refused.value.entry.id == "thread_busy"
        gates.open()
        await client.ended(first.run_id)
        await workshop.ask(client, "golden", "m1", thread_id="thr_1", policy="reject")

    async def test_policy_interrupt_stops_what_goes_on_and_what_waits(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m0")
        client = workshop.connect()
        ahead = [await workshop.ask(client, "golden", f"m{n}", thread_id="thr_1") for n in range(3)]
        last = await workshop.ask(client, "golden", "last", thread_id="thr_1", policy="interrupt")
        for each in ahead:
            events = await client.ended(each.run_id)
            assert isinstance(events[-1], AgentCancelled)
            assert events[-1].by == "interrupt"
        assert isinstance((await client.ended(last.run_id))[-1], AgentCompleted)
        assert gates.order == ["m0", "last"]
        assert workshop.held() == (0, 0)


class TestLimits:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(runs=2, queued_runs=2, process_runs=5)

    @pytest.mark.validation_point("limit.runs", "limit.queued")
    async def test_runs_and_waiting_runs_of_a_user_are_bounded(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m")
        client = workshop.connect()
        for thread in ("thr_1", "thr_2", "thr_1", "thr_2"):
            await workshop.ask(client, "golden", "m", thread_id=thread)
        for thread, told in (("thr_3", "The limit is 2 runs at a time"), ("thr_1", "The limit is 2 waiting runs")):
            seen = ""
            try:
                await workshop.turns.start(client, ExecuteAgent("golden", "m", None, thread))
            except LimitRefused as refusal:
                seen = refusal.message
            assert told in seen
        assert (workshop.held(), len(client.said), len(workshop.turns)) == ((2, 2), 4, 4)
        gates.open()

    @pytest.mark.validation_point("turn.capacity")
    async def test_runs_of_the_process_are_bounded(self, workshop: Any, gates: Any) -> None:
        gates.shutting("m")
        clients = [workshop.connect(f"user_{n}") for n in range(6)]
        for client in clients[:5]:
            await workshop.ask(client, "golden", "m")
        with pytest.raises(LimitRefused, match="no capacity for another run") as refused:
            await workshop.turns.start(clients[5], ExecuteAgent("golden", "m"))
        assert refused.value.retry_after_ms == 1000
        assert workshop.held("user_5") == (0, 0)
        gates.open()
