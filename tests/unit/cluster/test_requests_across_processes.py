"""A user's requests at any process of a server: taken once, in their thread's order, by the process that holds the thread."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from netra_backend.app.core.errors import DependencyUnavailable, IsolationRefused, LimitRefused, NetraError, NotFound
from netra_backend.app.core.events import AgentCancelled, AgentCompleted, AgentThinking, RunQueued, UserMessage
from netra_backend.app.core.frames import ExecuteAgent, ResolveApproval
from netra_backend.app.core.identity import Identity, RevokedToken
from netra_backend.app.core.limits import USUAL, Limits
from netra_backend.app.core.message_parts import FilePart
from netra_backend.app.core.plans import Plan, Plans
from netra_backend.app.core.questions import approval_id_of
from netra_backend.app.runs import commands


@pytest.fixture
async def two(processes: Any, gates_class: Any) -> tuple[Any, Any, Any, Any]:
    """Two processes, and the gates of the agents of each."""
    one, other = await processes.open(), await processes.open()
    return one, other, gates_class(one), gates_class(other)


class TestForwarding:
    async def test_a_request_is_taken_by_the_process_that_holds_its_thread(self, two: Any) -> None:
        one, other, gates, gates_of_other = two
        gates.shutting("m0")
        laptop, phone = one.connect(), other.connect()
        first = await one.ask(laptop, "golden", "m0", thread_id="thr_1")
        second = await other.ask(phone, "golden", "m1", thread_id="thr_1", id="k1")
        assert (second.id, second.thread_id, second.epoch) == ("k1", "thr_1", first.epoch)
        queued = await phone.saw(RunQueued, second.run_id)
        assert queued.queue_position == 1
        assert (len(one.turns), len(other.turns)) == (2, 0)
        gates.open()
        for client in (laptop, phone):
            events = await client.ended(second.run_id)
            assert isinstance(events[-1], AgentCompleted)
        assert (gates.order, gates_of_other.order) == (["m0", "m1"], [])
        assert one.held() == other.held() == (0, 0)

    async def test_a_thread_whose_runs_have_ended_is_anybodys(self, two: Any) -> None:
        one, other, *_ = two
        laptop, phone = one.connect(), other.connect()
        first = await one.ask(laptop, "golden", "m0", thread_id="thr_1")
        await phone.ended(first.run_id)
        await one.until(lambda: one.log.known("thr_1").fence == 0)
        second = await other.ask(phone, "golden", "m1", thread_id="thr_1")
        events = await laptop.ended(second.run_id)
        assert isinstance(events[0], UserMessage)
        assert (second.seq, other.turns.scheduler.started) == (5, 1)

    async def test_a_request_that_came_to_nothing_leaves_its_threads_id_free(
        self, two: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other, *_ = two

        async def down(*_: Any, **__: Any) -> Any:
            raise DependencyUnavailable("down")

        with monkeypatch.context() as patched:
            patched.setattr(one.engines, "create_for_user", down)
            with pytest.raises(DependencyUnavailable):
                await one.ask(one.connect(), "golden", "m0", thread_id="thr_1")
        assert one.log.known("thr_1") is None
        bob = other.connect("user_bob")
        first = await other.ask(bob, "golden", "m0", thread_id="thr_1")
        await bob.ended(first.run_id)
        laptop = one.connect("user_bob")
        again = await one.ask(laptop, "golden", "m1", thread_id="thr_1")
        assert isinstance((await laptop.ended(again.run_id))[-1], AgentCompleted)

    async def test_nothing_else_happens_between_acquiring_a_thread_and_enqueuing_a_run_in_it(
        self, two: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, *_ = two
        scheduler, happened = one.turns.scheduler, list[str]()
        enqueue, at_enqueue = scheduler.enqueue, list[list[str]]()

        def watched(step: Any) -> Any:
            async def and_watched(*asked: Any) -> Any:
                found = await step(*asked)
                happened.clear()
                asyncio.get_running_loop().call_soon(happened.append, "the loop went on")
                return found

            return and_watched

        def noted(*asked: Any) -> Any:
            at_enqueue.append(list(happened))
            return enqueue(*asked)

        for part, step in ((one.conversations, "claim"), (one.turns.recovery, "resumed")):
            monkeypatch.setattr(part, step, watched(getattr(part, step)))
        monkeypatch.setattr(scheduler, "enqueue", noted)
        laptop = one.connect()
        accepted = await one.ask(laptop, "golden", "m0", thread_id="thr_1", id="k1")
        await laptop.ended(accepted.run_id)
        assert at_enqueue == [[]]
        assert happened

    async def test_a_thread_that_is_taken_over_while_a_key_is_looked_up_is_asked_for_again(
        self, two: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other, gates, gates_of_other = two
        laptop, phone = one.connect(), other.connect()
        first = await one.ask(laptop, "golden", "m0", thread_id="thr_1")
        await laptop.ended(first.run_id)
        gates_of_other.shutting("m1")
        requests, looks = one.turns._requests, list[str]()

        async def meanwhile(owner: str, key: str) -> None:
            looks.append(key)
            if len(looks) == 2:
                await one.log.release([one.log.known("thr_1")])
                await other.ask(phone, "golden", "m1", thread_id="thr_1")

        monkeypatch.setattr(requests, "first_answer", meanwhile)
        monkeypatch.setattr(requests, "is_recent", lambda *_: len(looks) == 1)
        second = await one.ask(laptop, "golden", "m2", thread_id="thr_1", id="k1")
        assert (await phone.saw(RunQueued, second.run_id)).queue_position == 1
        gates_of_other.open()
        await phone.ended(second.run_id)
        assert (gates.order, gates_of_other.order) == (["m0"], ["m1", "m2"])

    async def test_a_key_whose_answer_cannot_be_found_out_is_to_be_sent_again(
        self, two: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, *_ = two

        async def nothing(*_: Any) -> None:
            return None

        monkeypatch.setattr(one.turns._requests, "first_answer", nothing)
        monkeypatch.setattr(one.turns._requests, "is_recent", lambda *_: True)
        with pytest.raises(DependencyUnavailable, match="being handed over"):
            await one.ask(one.connect(), "golden", "m0", thread_id="thr_1", id="k1")
        assert len(one.turns) == 0

    async def test_policy_reject_is_refused_by_the_holder_in_the_words_of_this_process(self, two: Any) -> None:
        one, other, gates, _ = two
        gates.shutting("m0")
        await one.ask(one.connect(), "golden", "m0", thread_id="thr_1")
        with pytest.raises(NetraError, match="A run is already in progress in this thread") as refused:
            await other.ask(other.connect(), "golden", "m1", thread_id="thr_1", policy="reject")
        assert (refused.value.entry.id, refused.value.field) == ("thread_busy", "policy")
        assert refused.value.point.id == "thread.busy"  # type: ignore[attr-defined]
        gates.open()

    async def test_policy_interrupt_stops_the_holders_run(self, two: Any) -> None:
        one, other, gates, _ = two
        gates.shutting("m0")
        laptop, phone = one.connect(), other.connect()
        first = await one.ask(laptop, "golden", "m0", thread_id="thr_1")
        second = await other.ask(phone, "golden", "m1", thread_id="thr_1", policy="interrupt")
        assert (await phone.ended(first.run_id))[-1].by == "interrupt"
        assert isinstance((await laptop.ended(second.run_id))[-1], AgentCompleted)

    async def test_a_holder_that_does_not_answer_is_said_to_be_unavailable(self, two: Any) -> None:
        one, other, gates, _ = two
        gates.shutting("m0")
        await one.ask(one.connect(), "golden", "m0", thread_id="thr_1")
        one.freeze()
        with pytest.raises(DependencyUnavailable):
            await other.ask(other.connect(), "golden", "m1", thread_id="thr_1")
        await one.thaw()
        gates.open()

    async def test_rights_travel_with_the_request_and_claims_do_not(self, two: Any) -> None:
        one, other, gates, _ = two
        gates.shutting("m0")
        seen: list[Any] = []
        create = one.engines.create_for_user

        async def watched(context: Any, *, scopes: Any, plan: Any) -> Any:
            seen.append((context.user_id, context.connection_id, scopes))
            return await create(context, scopes=scopes, plan=plan)

        await one.ask(one.connect(), "golden", "m0", thread_id="thr_1")
        one.engines.create_for_user = watched
        phone = other.connect(scopes=["usage", "extra"])
        await other.ask(phone, "golden", "m1", thread_id="thr_1", user_id="user_ada", context={"user_id": "user_ada"})
        assert seen == [("user_ada", None, frozenset({"usage", "extra"}))]
        gates.open()

    async def test_the_plan_of_a_sign_in_travels_with_the_request(self, two: Any) -> None:
        one, other, gates, _ = two
        plans = Plans({"free": Plan("free", replace(USUAL, runs=1))}, Plan("", USUAL))
        for process in (one, other):
            process.plans = plans
            process.turns._parts = replace(process.turns._parts, plans=plans)
        gates.shutting("m0", "m1")
        await one.ask(one.connect(), "golden", "m0", thread_id="thr_1")
        phone = other.connect()
        phone.plan = "free"
        accepted = await other.ask(phone, "golden", "m1", thread_id="thr_1")
        active = one.turns.scheduler.get(accepted.run_id)
        assert active.engine.plan is plans.of("free")
        gates.open()


class TestRaces:
    @pytest.mark.parametrize("thread_id", [None, "thr_1"])
    async def test_one_key_at_two_processes_at_once_starts_one_run(self, two: Any, thread_id: str | None) -> None:
        one, other, *_ = two
        laptop, phone = one.connect(), other.connect()
        frame = ExecuteAgent("golden", "go", "k1", thread_id)
        await asyncio.gather(one.turns.start(laptop, frame), other.turns.start(phone, frame))
        answers = [await laptop.heard(), await phone.heard()]
        assert answers[0] == answers[1]
        await laptop.ended(answers[0].run_id)
        assert len(one.store.runs) == 1
        assert (len(one.turns), len(other.turns), one.held(), other.held()) == (0, 0, (0, 0), (0, 0))

    async def test_the_files_of_a_request_that_the_store_rejects_are_free_again(self, two: Any) -> None:
        one, other, *_ = two

        async def parts() -> AsyncIterator[bytes]:
            yield b"a,b\n"

        file = await one.files.receive("user_ada", "text/csv", 0, parts())
        laptop, phone = one.connect(), other.connect()
        frame = ExecuteAgent("golden", "go", "k1", None, parts=(FilePart(file.file_id),))
        one_more = ExecuteAgent("golden", "go", "k1", None)
        await asyncio.gather(one.turns.start(laptop, frame), other.turns.start(phone, one_more))
        first, second = await laptop.heard(), await phone.heard()
        assert first.run_id == second.run_id
        await laptop.ended(first.run_id)
        found = await one.files.owned("user_ada", file.file_id)
        assert found.thread_id == ""
        accepted = await one.ask(laptop, "golden", "go", parts=(FilePart(file.file_id),))
        await laptop.ended(accepted.run_id)
        assert (await one.files.owned("user_ada", file.file_id)).thread_id == accepted.thread_id

    async def test_one_key_in_two_threads_that_two_processes_hold_starts_one_run_and_stops_no_other(
        self, two: Any
    ) -> None:
        one, other, gates, gates_of_other = two
        gates.shutting("m0")
        gates_of_other.shutting("m0")
        laptop, phone = one.connect(), other.connect()
        first = await one.ask(laptop, "golden", "m0", thread_id="thr_1")
        second = await other.ask(phone, "golden", "m0", thread_id="thr_2")
        await asyncio.gather(
            one.turns.start(laptop, ExecuteAgent("golden", "go", "k1", "thr_1")),
            other.turns.start(phone, ExecuteAgent("golden", "go", "k1", "thr_2")),
        )
        answers = [await laptop.heard(2), await phone.heard(2)]
        assert answers[0] == answers[1]
        gates.open()
        gates_of_other.open()
        for each in (one, other):
            each.takeover.work()
        for accepted in (first, second, answers[0]):
            assert isinstance((await laptop.ended(accepted.run_id))[-1], AgentCompleted)
        assert len(one.store.runs) == 3

    @pytest.mark.validation_point("thread.claim")
    async def test_of_two_users_who_claim_a_thread_at_two_processes_at_once_one_gets_it(self, two: Any) -> None:
        one, other, *_ = two
        ada, bob = one.connect("user_ada"), other.connect("user_bob")
        frame = ExecuteAgent("golden", "go", None, "thr_1")
        await asyncio.gather(one.turns.start(ada, frame), other.turns.start(bob, frame))
        await one.until(lambda: (ada.said or ada.refused) and (bob.said or bob.refused))
        winner, loser = (ada, bob) if ada.said else (bob, ada)
        assert [type(refusal) for refusal in loser.refused] == [IsolationRefused]
        await winner.ended(winner.said[0].run_id)
        assert (loser.said, loser.events, winner.refused) == ([], [], [])
        assert one.store.threads["thr_1"].owner == winner.user_id

    async def test_many_requests_for_one_thread_at_many_processes_all_run_once_and_one_after_the_other(
        self, processes: Any, gates_class: Any
    ) -> None:
        all_of_them = [await processes.open() for _ in range(3)]
        gates = [gates_class(each) for each in all_of_them]
        clients = [each.connect() for each in all_of_them]
        frames = [ExecuteAgent("golden", f"m{n}", f"k{n}", "thr_1") for n in range(12)]
        for n, frame in enumerate(frames):
            await all_of_them[n % 3].turns.start(clients[n % 3], frame)
        await all_of_them[0].until(lambda: sum(len(each.said) for each in clients) == len(frames))
        runs = {accepted.run_id for each in clients for accepted in each.said}
        for run_id in runs:
            await clients[0].ended(run_id)
        assert Counter(message for each in gates for message in each.order) == Counter(f"m{n}" for n in range(12))
        order = [run_id for run_id, _ in all_of_them[0].store.threads["thr_1"].rows]
        thinking = [event.run_id for event in clients[0].events if isinstance(event, AgentThinking)]
        assert thinking == list(dict.fromkeys(order))
        assert [refusal for each in clients for refusal in each.refused] == []


class TestStopping:
    async def test_a_run_is_cancelled_from_another_process(self, two: Any) -> None:
        one, other, gates, _ = two
        gates.shutting("m0")
        laptop, phone = one.connect(), other.connect()
        accepted = await one.ask(laptop, "golden", "m0")
        await laptop.saw(AgentThinking)
        await other.cancel(phone, accepted.run_id)
        assert phone.said[0].run_id == accepted.run_id
        events = await laptop.ended(accepted.run_id)
        assert isinstance(events[-1], AgentCancelled)
        await other.cancel(phone, accepted.run_id)  # it has ended: nothing changes
        assert len(phone.said) == 2

    @pytest.mark.validation_point("run.owned")
    async def test_another_users_run_at_another_process_answers_as_an_absent_one(self, two: Any) -> None:
        one, other, gates, _ = two
        gates.shutting("m0")
        accepted = await one.ask(one.connect(), "golden", "m0")
        bob = other.connect("user_bob")
        told = []
        for run_id in (accepted.run_id, "run_absent"):
            with pytest.raises(NotFound) as refused:
                await other.cancel(bob, run_id)
            told.append((refused.value.message, refused.value.field, refused.value.hint))
        assert told[0] == told[1]
        assert len(one.turns) == 1
        gates.open()

    async def test_a_run_that_nobody_holds_is_taken_over_to_be_cancelled(self, processes: Any, two: Any) -> None:
        one, other, gates, gates_of_other = two
        for each in (gates, gates_of_other):  # it goes on as soon as it is taken over
            each.shutting("m0")
        accepted = await one.ask(one.connect(), "golden", "m0")
        await one.die()
        await processes.lapse(one)
        phone = other.connect()
        await other.cancel(phone, accepted.run_id)
        assert isinstance((await phone.ended(accepted.run_id))[-1], AgentCancelled)

    async def test_a_run_whose_holder_has_just_died_can_be_cancelled_later(self, two: Any) -> None:
        one, other, gates, _ = two
        gates.shutting("m0")
        accepted = await one.ask(one.connect(), "golden", "m0")
        await one.die()
        with pytest.raises(DependencyUnavailable):
            await other.cancel(other.connect(), accepted.run_id)

    async def test_all_of_a_user_ends_and_is_deleted_wherever_it_is(self, two: Any) -> None:
        one, other, gates, gates_of_other = two
        for each in (gates, gates_of_other):
            each.shutting("m")
        await one.ask(one.connect(), "golden", "m", thread_id="thr_1")
        await other.ask(other.connect(), "golden", "m", thread_id="thr_2")
        bobs = await one.ask(one.connect("user_bob"), "golden", "m", thread_id="thr_3")
        assert sorted(await other.turns.commands.delete_user("user_ada", "user")) == ["thr_1", "thr_2"]
        assert [each.run.run_id for each in one.turns.scheduler.all() + other.turns.scheduler.all()] == [bobs.run_id]
        assert {key: thread.owner for key, thread in one.store.threads.items()} == {
            "thr_1": "",
            "thr_2": "",
            "thr_3": "user_bob",
        }
        gates.open()

    async def test_a_thread_is_deleted_from_another_process_and_its_id_is_nobodys_for_ever(self, two: Any) -> None:
        one, other, gates, _ = two
        gates.shutting("m0")
        laptop, phone = one.connect(), other.connect()
        await one.ask(laptop, "golden", "m0", thread_id="thr_1")
        await other.conversations.owned_thread("user_ada", "thr_1")
        with pytest.raises(NotFound):
            await other.turns.commands.delete_thread("user_bob", "thr_1")
        await other.turns.commands.delete_thread("user_ada", "thr_1")
        assert (one.store.threads["thr_1"].owner, len(one.turns)) == ("", 0)
        for process, client in ((one, laptop), (other, phone)):
            with pytest.raises(IsolationRefused):
                await process.ask(client, "golden", "m1", thread_id="thr_1")

    async def test_an_idle_thread_is_deleted_by_the_process_that_is_asked(self, two: Any) -> None:
        one, other, *_ = two
        laptop = one.connect()
        accepted = await one.ask(laptop, "golden", "m0", thread_id="thr_1")
        await laptop.ended(accepted.run_id)
        await one.until(lambda: one.log.known("thr_1").fence == 0)
        await other.turns.commands.delete_thread("user_ada", "thr_1")
        with pytest.raises(IsolationRefused):
            await one.ask(laptop, "golden", "m1", thread_id="thr_1")

    async def test_a_revocation_is_heard_by_every_process(self, two: Any) -> None:
        one, other, *_ = two
        heard: list[str] = []
        other.revocations.listen(heard.append)
        one.peers.revoked("user_ada", 5)
        await one.until(lambda: heard)
        assert heard == ["user_ada"]

    async def test_the_revocation_of_one_sign_in_is_heard_by_every_process(self, two: Any) -> None:
        one, other, *_ = two
        heard: list[str] = []
        other.revocations.listen(heard.append)
        one.peers.token_revoked(RevokedToken("user_ada", "t1", 1 << 45))
        await one.until(lambda: heard)
        assert heard == ["user_ada"]
        gone = Identity("user_ada", frozenset(), None, 9, "t1")
        assert other.revocations.revoked_since_ms(gone) is not None
        assert other.revocations.revoked_since_ms(replace(gone, token_id="t2")) is None


class TestRoom:
    async def test_a_full_process_leaves_what_it_accepts_to_another(self, processes: Any, gates_class: Any) -> None:
        full = await processes.open(Limits(process_runs=1))
        roomy = await processes.open()
        gates, others = gates_class(full), gates_class(roomy)
        gates.shutting("m0")
        laptop = full.connect()
        first = await full.ask(laptop, "golden", "m0", thread_id="thr_1")
        second = await full.ask(laptop, "golden", "m1", thread_id="thr_2")
        events = await laptop.ended(second.run_id)
        assert [type(event) for event in events[:2]] == [UserMessage, RunQueued]
        assert isinstance(events[-1], AgentCompleted)
        assert (gates.order, others.order, len(full.turns)) == (["m0"], ["m1"], 1)
        assert full.held() == (1, 0)
        gates.open()
        await laptop.ended(first.run_id)

    @pytest.mark.validation_point("turn.capacity")
    async def test_a_full_process_that_is_alone_refuses(self, processes: Any, gates_class: Any) -> None:
        full = await processes.open(Limits(process_runs=1))
        gates = gates_class(full)
        gates.shutting("m0")
        client = full.connect()
        await full.ask(client, "golden", "m0", thread_id="thr_1")
        with pytest.raises(LimitRefused, match="no capacity for another run"):
            await full.ask(client, "golden", "m1", thread_id="thr_2")
        gates.open()

    async def test_what_nobody_has_room_for_waits_until_somebody_has(self, processes: Any, gates_class: Any) -> None:
        both = [await processes.open(Limits(process_runs=1)) for _ in range(2)]
        gates = [gates_class(each) for each in both]
        clients = [each.connect() for each in both]
        for process, gate, client in zip(both, gates, clients, strict=True):
            gate.shutting("m0")
            await process.ask(client, "golden", "m0", thread_id=f"thr_{process.process_id}")
        waiting = await both[0].ask(clients[0], "golden", "m1", thread_id="thr_9")
        assert not [event for event in clients[0].events if isinstance(event, AgentThinking) and event.text == "m1"]
        gates[1].open()
        await both[1].until(lambda: len(both[1].turns) == 0)
        both[1].takeover.work()
        assert isinstance((await clients[0].ended(waiting.run_id))[-1], AgentCompleted)
        assert gates[1].order == ["m0", "m1"]
        gates[0].open()


class TestChangingHands:
    @pytest.fixture
    def restless(self, two: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Whoever is asked has just let go of it, and whoever asks then finds the same again."""
        one, other, gates, _ = two

        async def not_here(*_: Any) -> bool:
            return False

        for name in ("start", "cancel", "answer", "delete_thread", "end_user"):
            monkeypatch.setattr(other.peers, name, not_here)
        gates.shutting("m0")
        yield one, other
        gates.open()

    async def test_what_changes_hands_again_and_again_is_to_be_asked_for_later(self, restless: Any) -> None:
        one, other = restless
        accepted = await one.ask(one.connect(), "golden", "m0", thread_id="thr_1")
        phone = other.connect()
        for asked in (
            other.ask(phone, "golden", "m1", thread_id="thr_1"),
            other.cancel(phone, accepted.run_id),
            other.turns.commands.delete_thread("user_ada", "thr_1"),
            other.turns.commands.delete_user("user_ada", "user"),
        ):
            with pytest.raises(DependencyUnavailable, match="being handed over") as told:
                await asked
            assert told.value.retry_after_ms == 1000
        assert (len(one.turns), phone.said) == (1, [])

    async def test_a_word_about_what_has_changed_hands_is_to_be_said_later(
        self, restless: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = restless
        accepted = await one.ask(one.connect(), "golden", "m0", thread_id="thr_1")

        async def still_open(*_: Any) -> Any:
            return "open", None

        monkeypatch.setattr(commands, "in_the_log", still_open)
        word = ResolveApproval(approval_id_of(accepted.run_id, "call_1"), "approve", "0" * 64)
        with pytest.raises(DependencyUnavailable, match="being handed over"):
            await other.turns.commands.resolve(other.connect(), word)

    @pytest.mark.validation_point("thread.claim")
    async def test_a_thread_that_was_deleted_unheard_is_nobodys(
        self, two: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other, *_ = two
        laptop, phone = one.connect(), other.connect()
        accepted = await one.ask(laptop, "golden", "m0", thread_id="thr_1")
        await laptop.ended(accepted.run_id)
        await one.until(lambda: one.log.known("thr_1").fence == 0)
        await other.conversations.owned_thread("user_ada", "thr_1")
        monkeypatch.setattr(other.log, "forget", lambda _: None)
        await one.turns.commands.delete_thread("user_ada", "thr_1")
        assert other.log.known("thr_1").owner == "user_ada"
        with pytest.raises(IsolationRefused):
            await other.ask(phone, "golden", "m1", thread_id="thr_1")
