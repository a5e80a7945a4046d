"""Runs go on elsewhere when their process dies, leaves or is taken for dead; one that was taken for dead does nothing more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.cluster.takeover import EVERY_S, Takeover
from netra_backend.app.core.errors import DependencyUnavailable, NetraError
from netra_backend.app.core.events import (
    TERMINAL,
    AgentCompleted,
    AgentThinking,
    ApprovalRequested,
    QuestionAnswered,
    QuestionAsked,
)
from netra_backend.app.core.frames import AnswerQuestion, ExecuteAgent, ResolveApproval
from netra_backend.app.runs import recovery
from test_framework.counted_tool import Counter, adding, codes_of, kinds, uninterrupted
from test_framework.paying import let_pay, word


class Sides:
    """An agent that thinks, calls its tool behind a gate, and thinks again; a process is told by the number of its gate."""

    def __init__(self, *processes: Any, idempotent: bool = False) -> None:
        self.counter = Counter()
        self.gates = [asyncio.Event() for _ in processes]
        self.reached = [asyncio.Event() for _ in processes]
        for process, gate, reached in zip(processes, self.gates, self.reached, strict=True):
            process.tool(adding(self.counter, "pay", idempotent=idempotent))
            process.agent("golden", self.agent(gate, reached), ["pay"])

    def agent(self, gate: asyncio.Event, reached: asyncio.Event) -> Any:
        async def run(scope: Any) -> AgentResult:
            await scope.think("before")
            reached.set()
            await gate.wait()
            outcome = await scope.use_tool("pay", amount=7)
            await scope.think("after")
            return AgentResult("", {"ok": outcome.ok})

        return run


@pytest.fixture
async def two(processes: Any) -> tuple[Any, Any]:
    return await processes.open(), await processes.open()


async def settled(process: Any) -> None:
    """The look for runs that nobody holds is over."""
    process.takeover.work()
    await process.until(lambda: not process.takeover.is_polling)


class TestDeath:
    async def test_the_runs_of_a_dead_process_go_on_in_another_in_their_order(
        self, processes: Any, two: Any, gates_class: Any
    ) -> None:
        one, other = two
        gates, others = gates_class(one), gates_class(other)
        gates.shutting("m0")
        laptop, phone = one.connect(), other.connect()
        accepted = [await one.ask(laptop, "golden", f"m{n}", thread_id="thr_1") for n in range(3)]
        await laptop.saw(AgentThinking)
        await one.die()
        await settled(other)
        assert len(other.turns) == 0  # its lease has not run out
        await processes.lapse(one)
        await settled(other)
        for each in accepted:
            assert isinstance((await phone.ended(each.run_id))[-1], AgentCompleted)
        assert others.order == ["m0", "m1", "m2"]
        stored = await other.stored(accepted[0].run_id)
        assert uninterrupted(stored) == ["UserMessage", "AgentStarted", "AgentThinking", "AgentCompleted"]
        assert (other.turns.recovery.taken_over, other.held()) == (3, (0, 0))

    async def test_a_request_for_a_dead_processs_thread_waits_behind_the_runs_that_it_left(
        self, processes: Any, two: Any, gates_class: Any
    ) -> None:
        one, other = two
        gates, others = gates_class(one), gates_class(other)
        gates.shutting("m0")
        phone = other.connect()
        first = await one.ask(one.connect(), "golden", "m0", thread_id="thr_1")
        await one.die()
        await processes.lapse(one)
        frame = ExecuteAgent("golden", "m1", None, "thr_1")
        await asyncio.gather(*(other.turns.start(phone, frame) for _ in range(2)))
        for each in (first, *[await phone.heard(n) for n in (1, 2)]):
            assert isinstance((await phone.ended(each.run_id))[-1], AgentCompleted)
        assert others.order == ["m0", "m1", "m1"]

    async def test_only_one_of_many_takes_a_run_over(self, processes: Any, gates_class: Any) -> None:
        all_of_them = [await processes.open() for _ in range(4)]
        gates = [gates_class(each) for each in all_of_them]
        gates[0].shutting("m0")
        accepted = await all_of_them[0].ask(all_of_them[0].connect(), "golden", "m0")
        await all_of_them[0].die()
        await processes.lapse(all_of_them[0])
        client = all_of_them[1].connect()
        await asyncio.gather(*(settled(each) for each in all_of_them[1:]))
        await client.ended(accepted.run_id)
        assert [len(each.order) for each in gates[1:]].count(1) == 1
        assert sum(each.turns.recovery.taken_over for each in all_of_them) == 1

    async def test_a_call_that_was_claimed_before_the_death_is_not_made_again(self, processes: Any, two: Any) -> None:
        one, other = two
        sides = Sides(one, other)
        called = asyncio.Event()

        async def endless() -> None:
            called.set()
            await asyncio.Event().wait()

        sides.counter.before = endless
        for gate in sides.gates:
            gate.set()
        accepted = await one.ask(one.connect(), "golden")
        await called.wait()
        await one.die()
        await processes.lapse(one)
        phone = other.connect()
        await settled(other)
        events = await phone.ended(accepted.run_id)
        assert codes_of(await other.stored(accepted.run_id)) == ["OUTCOME_UNKNOWN"]
        assert isinstance(events[-1], AgentCompleted)
        assert sides.counter.calls == [7]


class TestOrder:
    """Nothing that is asked for after a death goes ahead of the runs that were left."""

    @pytest.fixture
    async def left(self, processes: Any, two: Any, gates_class: Any) -> tuple[Any, Any, list[Any]]:
        """A process, its gates, and what was accepted in the thread that another one left when it died."""
        one, other = two
        gates, others = gates_class(one), gates_class(other)
        gates.shutting("m0")
        accepted = [await one.ask(one.connect(), "golden", f"m{n}", thread_id="thr_1") for n in range(2)]
        await one.die()
        await processes.lapse(one)
        return other, others, accepted

    @staticmethod
    async def in_order(other: Any, others: Any, accepted: list[Any], phone: Any) -> None:
        for each in (*accepted, await phone.heard()):
            assert isinstance((await phone.ended(each.run_id))[-1], AgentCompleted)
        assert others.order == ["m0", "m1", "m2"]
        assert other.held() == (0, 0)

    @pytest.mark.parametrize("cut_in", ["run_frames", "acquire"])
    async def test_a_device_that_is_cut_while_its_request_takes_hold_leaves_no_run_behind(
        self, left: Any, cut_in: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other, others, accepted = left
        phone, reached, go_on = other.connect(), asyncio.Event(), asyncio.Event()
        does = getattr(other.log, cut_in)

        async def slow(asked: Any) -> Any:
            reached.set()
            await go_on.wait()
            return await does(asked)

        monkeypatch.setattr(other.log, cut_in, slow)
        frame = ExecuteAgent("golden", "m2", "k2", "thr_1")
        cut = asyncio.create_task(other.turns.start(other.connect(), frame))
        await reached.wait()
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)
        again = asyncio.create_task(other.turns.start(phone, frame))
        go_on.set()
        await again
        await self.in_order(other, others, accepted, phone)

    @pytest.mark.parametrize("unread", [0, 1])
    async def test_runs_that_cannot_be_read_keep_their_place(
        self, left: Any, unread: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other, others, accepted = left
        phone, read, down = other.connect(), other.log.run_frames, [True]

        async def some(run: Any) -> Any:
            if down[0] and run.run_id == accepted[unread].run_id:
                raise DependencyUnavailable("down")
            return await read(run)

        monkeypatch.setattr(other.log, "run_frames", some)
        await settled(other)
        frame = ExecuteAgent("golden", "m2", "k2", "thr_1")
        with pytest.raises(DependencyUnavailable, match="cannot be read at the moment") as refused:
            await other.turns.start(phone, frame)
        assert refused.value.retry_after_ms == 1000
        down.clear()
        down.append(False)
        await other.turns.start(phone, frame)
        await self.in_order(other, others, accepted, phone)

    async def test_runs_that_cannot_be_read_are_not_forgotten_where_the_next_look_fails(
        self, left: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other, _, accepted = left
        phone, read, look = other.connect(), other.log.run_frames, other.log.take_over

        async def down(_: Any) -> Any:
            raise DependencyUnavailable("down")

        monkeypatch.setattr(other.log, "run_frames", down)
        await settled(other)
        monkeypatch.setattr(other.log, "take_over", down)
        await settled(other)
        monkeypatch.setattr(other.log, "run_frames", read)
        monkeypatch.setattr(other.log, "take_over", look)
        await settled(other)
        for each in accepted:
            assert isinstance((await phone.ended(each.run_id))[-1], AgentCompleted)

    async def test_a_process_that_drains_does_not_wait_for_runs_that_it_cannot_read(
        self, left: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other, others, _ = left
        reached = asyncio.Event()

        async def endless(_: Any) -> Any:
            reached.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(recovery, "_CANCEL_S", 0.0)
        monkeypatch.setattr(other.log, "run_frames", endless)
        look = asyncio.create_task(other.turns.recovery.take_over())
        await reached.wait()
        await other.turns.drain(0)
        await asyncio.gather(look, return_exceptions=True)
        assert (others.order, len(other.turns), other.turns.recovery._resuming) == ([], 0, {})


class TestZombies:
    async def test_a_process_that_was_taken_for_dead_records_tells_and_calls_nothing_more(
        self, processes: Any, two: Any
    ) -> None:
        one, other = two
        sides = Sides(one, other)
        laptop, phone = one.connect(), other.connect()
        accepted = await one.ask(laptop, "golden", thread_id="thr_1", id="k1")
        await sides.reached[0].wait()
        await phone.saw(AgentThinking)
        one.freeze()
        await processes.lapse(one)
        await settled(other)
        assert len(other.turns) == 1
        sides.gates[0].set()  # the zombie goes on: it claims its tool and waits for the claim to be stored
        await one.until(lambda: one.log._storing)
        await one.thaw()
        await one.until(lambda: len(one.turns) == 0)
        assert sides.counter.calls == []
        sides.gates[1].set()
        events = await phone.ended(accepted.run_id)
        assert sides.counter.calls == [7]
        stored = await other.stored(accepted.run_id)
        assert kinds(stored) == kinds(events)
        assert [event.seq for event in stored] == list(range(1, len(stored) + 1))
        assert sum(isinstance(event, TERMINAL) for event in stored) == 1
        assert (one.held(), one.log.known("thr_1"), one.engines.get_factory_metrics()["engines_active"]) == (
            (0, 0),
            None,
            0,
        )
        assert await one.ask(laptop, "golden", id="k1") == accepted

    async def test_a_request_that_a_zombie_took_is_taken_by_the_holder_instead(
        self, processes: Any, two: Any, gates_class: Any
    ) -> None:
        one, other = two
        gates, others = gates_class(one), gates_class(other)
        gates.shutting("m0")
        others.shutting("m0")
        laptop, phone = one.connect(), other.connect()
        first = await one.ask(laptop, "golden", "m0", thread_id="thr_1")
        one.freeze()
        await processes.lapse(one)
        await settled(other)
        await one.turns.start(laptop, ExecuteAgent("golden", "m1", "k2", "thr_1"))
        await one.until(lambda: one.log._storing)
        await one.thaw()
        second = await laptop.heard(2)
        others.open()
        for each in (first, second):
            assert isinstance((await phone.ended(each.run_id))[-1], AgentCompleted)
        assert (gates.order, others.order, laptop.refused) == (["m0"], ["m0", "m1"], [])
        assert one.held() == other.held() == (0, 0)

    async def test_a_request_that_was_stored_and_taken_over_before_that_was_told_is_not_begun_twice(
        self, processes: Any, two: Any, gates_class: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = two
        gates, others = gates_class(one), gates_class(other)
        gates.shutting("m0")
        laptop, phone = one.connect(), other.connect()
        monkeypatch.setattr(one.log, "_pace", lambda kind: 3600.0 if kind == "told" else 0.0)
        await one.turns.start(laptop, ExecuteAgent("golden", "m0", None, "thr_1"))
        await one.until(lambda: one.store.runs)
        await processes.lapse(one)
        await settled(other)
        one.log.renew()
        accepted = await laptop.heard()
        assert isinstance((await phone.ended(accepted.run_id))[-1], AgentCompleted)
        assert (list(one.store.runs), others.order, laptop.refused) == ([accepted.run_id], ["m0"], [])
        await one.die()

    async def test_a_request_that_finds_no_holder_again_and_again_is_refused(self, two: Any, gates_class: Any) -> None:
        one, _ = two
        gates_class(one)
        client = one.connect()
        verdict = one.log._verdict
        one.log._verdict = lambda chunk: "fenced"
        await one.turns.start(client, ExecuteAgent("golden", "m0", None, "thr_1"))
        await client.until(lambda: client.refused)
        one.log._verdict = verdict
        assert [type(refusal) for refusal in client.refused] == [DependencyUnavailable]
        assert (one.held(), len(one.turns), one.store.runs) == ((0, 0), 0, {})

    async def test_an_own_run_that_another_process_held_in_between_begins_anew_from_the_journal(
        self, processes: Any, two: Any
    ) -> None:
        one, other = two
        sides = Sides(one, other)
        laptop = one.connect()
        accepted = await one.ask(laptop, "golden", thread_id="thr_1")
        await sides.reached[0].wait()
        await processes.lapse(one)  # it stands still unnoticed
        await settled(other)
        await other.die()
        (before,) = one.turns.scheduler.all()
        one.log.renew()
        assert one.turns.scheduler.all() == []
        await processes.lapse(other)
        await settled(one)
        (after,) = one.turns.scheduler.all()
        assert after is not before
        assert (one.held(), one.turns.recovery.taken_over) == ((1, 0), 1)
        sides.gates[0].set()
        events = await laptop.ended(accepted.run_id)
        assert isinstance(events[-1], AgentCompleted)
        assert sides.counter.calls == [7]

    async def test_a_resumed_run_whose_thread_is_lost_again_does_nothing_more(self, processes: Any, two: Any) -> None:
        one, other = two
        sides = Sides(one, other)
        accepted = await one.ask(one.connect(), "golden", thread_id="thr_1")
        await sides.reached[0].wait()
        await one.die()
        await processes.lapse(one)
        await settled(other)
        await sides.reached[1].wait()
        third = await processes.open()
        await processes.lapse(other)
        assert await third.log.take_over(9) != []
        other.log.renew()
        assert (len(other.turns), other.held()) == (0, (0, 0))
        sides.gates[1].set()
        await asyncio.sleep(0)
        assert sides.counter.calls == []
        assert [run.run_id for run in other.store.unfinished()] == [accepted.run_id]


class TestLeaving:
    async def test_a_process_that_drains_hands_its_runs_over_at_once(self, two: Any, gates_class: Any) -> None:
        one, other = two
        gates, others = gates_class(one), gates_class(other)
        gates.shutting("m0")
        laptop, phone = one.connect(), other.connect()
        accepted = [await one.ask(laptop, "golden", f"m{n}", thread_id="thr_1") for n in range(2)]
        await laptop.saw(AgentThinking)
        await one.turns.drain(0)
        for each in accepted:
            assert isinstance((await phone.ended(each.run_id))[-1], AgentCompleted)
        assert others.order == ["m0", "m1"]
        assert kinds(await other.stored(accepted[0].run_id)).count("AgentStarted") == 1

    async def test_a_process_that_drains_takes_nothing_over(self, two: Any, gates_class: Any) -> None:
        one, other = two
        gates = gates_class(one)
        gates_class(other)
        gates.shutting("m0")
        await one.ask(one.connect(), "golden", "m0")
        await other.turns.drain(0)
        await one.turns.drain(0)
        await settled(other)
        assert (len(other.turns), other.turns.recovery.taken_over) == (0, 0)

    async def test_a_request_that_comes_to_a_process_that_drains_is_done_elsewhere(
        self, two: Any, gates_class: Any
    ) -> None:
        one, other = two
        gates_class(one)
        others = gates_class(other)
        await one.turns.drain(0)
        laptop = one.connect()
        accepted = await one.ask(laptop, "golden", "m0")
        assert isinstance((await laptop.ended(accepted.run_id))[-1], AgentCompleted)
        assert others.order == ["m0"]

    async def test_what_is_left_while_the_log_is_down_is_not_lost(
        self, two: Any, gates_class: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        one, _ = two
        gates = gates_class(one)
        gates.shutting("m0")
        await one.ask(one.connect(), "golden", "m0")

        async def down(_: Any) -> None:
            raise DependencyUnavailable("down")

        monkeypatch.setattr(one.log, "release", down)
        await one.turns.drain(0)
        assert "could not be released" in caplog.text

    async def test_a_run_that_cannot_be_read_at_the_moment_is_tried_again(
        self, processes: Any, two: Any, gates_class: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, other = two
        gates = gates_class(one)
        gates_class(other)
        gates.shutting("m0")
        accepted = await one.ask(one.connect(), "golden", "m0")
        await one.die()
        await processes.lapse(one)
        read = other.log.run_frames

        async def down(_: Any) -> Any:
            monkeypatch.setattr(other.log, "run_frames", read)
            raise DependencyUnavailable("down")

        monkeypatch.setattr(other.log, "run_frames", down)
        client = other.connect()
        await settled(other)
        assert len(other.turns) == 0
        await settled(other)
        assert isinstance((await client.ended(accepted.run_id))[-1], AgentCompleted)


class TestApprovals:
    @pytest.fixture
    def counter(self, two: Any) -> Counter:
        return let_pay(*two)

    async def test_a_word_said_at_another_process_counts_and_a_second_one_does_not(
        self, two: Any, counter: Counter
    ) -> None:
        one, other = two
        laptop, phone = one.connect(), other.connect()
        await one.ask(laptop, "golden")
        requested = await phone.saw(ApprovalRequested)
        (waiting,) = await other.turns.commands.approvals("user_ada")
        assert (waiting.approval_id, waiting.arguments) == (requested.approval_id, {"amount": 7})
        assert await other.turns.commands.approvals("user_bob") == []
        await other.turns.commands.resolve(phone, word(requested))
        assert [frame.id for frame in phone.said] == ["word"]
        events = await phone.ended(requested.run_id)
        assert (events[3].by, counter.calls) == (phone.connection_id, [7])
        await other.turns.commands.resolve(phone, word(requested))  # said again: it was decided so
        assert [frame.id for frame in phone.said] == ["word", "word"]
        with pytest.raises(LookupError):
            await other.turns.commands.resolve(phone, word(requested, "deny"))
        assert await other.turns.commands.approvals("user_ada") == []

    @pytest.mark.validation_point("question.open")
    async def test_nobody_elses_word_counts_at_another_process(self, two: Any, counter: Counter) -> None:
        one, other = two
        laptop, bob = one.connect(), other.connect("user_bob")
        await one.ask(laptop, "golden")
        requested = await laptop.saw(ApprovalRequested)
        for asker, said in (
            (bob, word(requested)),
            (other.connect(), word(requested, arguments_hash="0" * 64)),
            (bob, word(requested, approval_id="apr_unknown")),
        ):
            with pytest.raises(LookupError):
                await other.turns.commands.resolve(asker, said)
        assert (counter.calls, len(one.questions.of("user_ada"))) == ([], 1)

    async def test_a_word_about_a_run_that_has_just_been_taken_over_is_asked_for_again(
        self, processes: Any, two: Any, counter: Counter
    ) -> None:
        one, other = two
        phone = other.connect()
        await one.ask(one.connect(), "golden")
        requested = await phone.saw(ApprovalRequested)
        await one.die()
        with pytest.raises(DependencyUnavailable):
            await other.turns.commands.resolve(phone, word(requested))
        await processes.lapse(one)
        with pytest.raises(DependencyUnavailable):
            await other.turns.commands.resolve(phone, word(requested))
        await other.until(lambda: other.questions.of("user_ada"))
        await other.turns.commands.resolve(phone, word(requested))
        await phone.ended(requested.run_id)
        assert counter.calls == [7]

    async def test_edited_arguments_are_judged_where_the_run_is_and_count_once(
        self, two: Any, counter: Counter
    ) -> None:
        one, other = two
        laptop, phone = one.connect(), other.connect()
        await one.ask(laptop, "golden")
        requested = await phone.saw(ApprovalRequested)
        hashed = requested.arguments_hash
        wrong = ResolveApproval(requested.approval_id, "approve", hashed, arguments={"amount": "much"})
        with pytest.raises(NetraError) as refused:
            await other.turns.commands.resolve(phone, wrong)
        assert refused.value.entry.id == "invalid_answer"
        edited = ResolveApproval(requested.approval_id, "approve", hashed, "word", arguments={"amount": 5})
        await other.turns.commands.resolve(phone, edited)
        await phone.ended(requested.run_id)
        await other.turns.commands.resolve(phone, edited)  # said again: it was decided so
        assert ([frame.id for frame in phone.said], counter.calls) == (["word", "word"], [5])
        with pytest.raises(LookupError):
            await other.turns.commands.resolve(phone, word(requested))

    async def test_an_answer_without_the_hash_is_about_the_arguments_that_the_log_has(
        self, two: Any, counter: Counter
    ) -> None:
        one, other = two
        phone = other.connect()
        await one.ask(one.connect(), "golden")
        requested = await phone.saw(ApprovalRequested)
        await other.turns.commands.answer(phone, AnswerQuestion(requested.approval_id, {"decision": "approve"}, "k"))
        await phone.ended(requested.run_id)
        assert ([frame.id for frame in phone.said], counter.calls) == (["k"], [7])

    async def test_approvals_of_a_process_that_does_not_answer_are_left_out(self, two: Any, counter: Counter) -> None:
        one, other = two
        await one.ask(one.connect(), "golden")
        await one.until(lambda: one.questions.of("user_ada"))
        one.freeze()
        assert await other.turns.commands.approvals("user_ada") == []
        await one.thaw()


class TestQuestions:
    @pytest.fixture
    def seen(self, two: Any) -> list[Any]:
        """What the agents of both processes were answered."""
        seen: list[Any] = []

        async def run(scope: Any) -> AgentResult:
            seen.append(await scope.ask_user("How many?", schema={"type": "integer"}))
            return AgentResult("")

        for process in two:
            process.agent("golden", run)
        return seen

    @pytest.mark.validation_point("answer.schema")
    async def test_a_question_is_answered_at_another_process_once(self, two: Any, seen: list[Any]) -> None:
        one, other = two
        laptop, phone, bob = one.connect(), other.connect(), other.connect("user_bob")
        await one.ask(laptop, "golden")
        asked = await phone.saw(QuestionAsked)
        (waiting,) = await other.turns.commands.questions("user_ada")
        assert (waiting.question_id, waiting.schema) == (asked.question_id, {"type": "integer"})
        assert await other.turns.commands.questions("user_bob") == []
        refusals = []
        for asker, said in ((bob, 7), (phone, "many")):
            try:
                await other.turns.commands.answer(asker, AnswerQuestion(asked.question_id, said))
            except NetraError as refusal:
                refusals.append(refusal.entry.id)
        assert refusals == ["not_found", "invalid_answer"]
        await other.turns.commands.answer(phone, AnswerQuestion(asked.question_id, 7, "word"))
        events = await phone.ended(asked.run_id)
        (told,) = [event for event in events if isinstance(event, QuestionAnswered)]
        assert (told.by, told.answer, seen) == (phone.connection_id, 7, [7])
        await other.turns.commands.answer(phone, AnswerQuestion(asked.question_id, 7, "again"))
        assert [frame.id for frame in phone.said] == ["word", "again"]
        with pytest.raises(LookupError):
            await other.turns.commands.answer(phone, AnswerQuestion(asked.question_id, 8))

    async def test_a_question_goes_on_at_the_process_that_takes_its_run_over(
        self, processes: Any, two: Any, seen: list[Any]
    ) -> None:
        one, other = two
        phone = other.connect()
        await one.ask(one.connect(), "golden")
        asked = await phone.saw(QuestionAsked)
        await one.die()
        await processes.lapse(one)
        with pytest.raises(DependencyUnavailable):
            await other.turns.commands.answer(phone, AnswerQuestion(asked.question_id, 7))
        await other.until(lambda: other.questions.of("user_ada"))
        await other.turns.commands.answer(phone, AnswerQuestion(asked.question_id, 7))
        await phone.ended(asked.run_id)
        assert seen == [7]


class Stubborn:
    """An agent that does not get further than its first thought, in whichever process. ``begun`` are the processes."""

    def __init__(self, *processes: Any) -> None:
        self.begun: list[Any] = []
        self.gets_further = False
        for process in processes:
            process.agent("golden", self.agent(process))

    def agent(self, process: Any) -> Any:
        async def run(scope: Any) -> AgentResult:
            await scope.think("before")
            self.begun.append(process)
            if self.gets_further:
                await scope.think("further")
            await asyncio.Event().wait()
            return AgentResult("")

        return run

    async def began(self, times: int) -> None:
        await self.begun[0].until(lambda: len(self.begun) == times)


class TestFreezing:
    async def begun(self, two: Any) -> tuple[Stubborn, Any, Any]:
        """A run at the first process, which code of the run then holds up for longer than its lease."""
        one, other = two
        stubborn, client = Stubborn(one, other), one.connect()
        accepted = await one.ask(client, "golden")
        await stubborn.began(1)
        for each in two:
            await each.peers.poll()
        one.turns.frozen.note(31.0, accepted.run_id)
        return stubborn, client, accepted

    async def test_a_process_that_stood_still_beyond_its_lease_gives_its_runs_back_at_once(self, two: Any) -> None:
        one, other = two
        stubborn, _, accepted = await self.begun(two)
        await one.takeover.give_back()
        await stubborn.began(2)
        assert (len(one.turns), stubborn.begun) == (0, [one, other])
        assert other.turns.scheduler.get(accepted.run_id) is not None

    async def test_it_does_not_take_again_what_it_has_just_given_back(self, two: Any) -> None:
        one, other = two
        await self.begun(two)
        other.turns.scheduler.draining = True  # nobody else has room now
        await one.takeover.give_back()
        await settled(one)
        assert len(one.turns) == 0
        for now in (0.0, EVERY_S):
            one.takeover.tick(now)
            await one.until(lambda: not one.takeover.is_polling)
        assert len(one.turns) == 1
        other.turns.scheduler.draining = False

    @pytest.mark.parametrize("alone", [True, False])
    async def test_what_nobody_can_take_or_what_only_the_database_held_up_stays(self, two: Any, alone: bool) -> None:
        one, _ = two
        await self.begun(two)
        if alone:
            one.peers.have_others = False
        else:
            one.turns.frozen.answered()
        await one.takeover.give_back()
        assert len(one.turns) == 1

    async def test_a_time_that_it_stood_still_and_did_not_lose_its_lease_counts_at_no_later_lapse(
        self, two: Any
    ) -> None:
        one, _ = two
        _, _, accepted = await self.begun(two)
        await one.takeover.on_renewal(False)
        await one.takeover.on_renewal(True)
        assert len(one.turns) == 1
        one.turns.frozen.note(31.0, accepted.run_id)
        await one.takeover.on_renewal(True)
        assert len(one.turns) == 0

    async def test_a_run_that_froze_two_processes_ends_as_crashed_where_the_first_of_them_meets_it_again(
        self, two: Any
    ) -> None:
        one, other = two
        stubborn, client, accepted = await self.begun(two)
        await one.takeover.give_back()
        await stubborn.began(2)
        await other.die()
        one.clock.advance(s=60)
        one.log.renew()
        for now in (0.0, EVERY_S):
            one.takeover.tick(now)
            await one.until(lambda: not one.takeover.is_polling)
        last = (await client.ended(accepted.run_id))[-1]
        assert (getattr(last, "error", None), stubborn.begun) == ("agent_crashed", [one, other])
        await one.until(lambda: one.turns.scheduler.crashed == 1)

    async def test_a_run_that_got_further_elsewhere_goes_on_where_it_froze_a_process_before(self, two: Any) -> None:
        one, other = two
        stubborn, _, accepted = await self.begun(two)
        stubborn.gets_further = True
        await one.takeover.give_back()
        await stubborn.began(2)
        await other.until(
            lambda: other.store.runs[accepted.run_id] and len(other.store.threads[accepted.thread_id].rows) > 4
        )
        await other.die()
        one.clock.advance(s=60)
        one.log.renew()
        for now in (0.0, EVERY_S):
            one.takeover.tick(now)
            await one.until(lambda: not one.takeover.is_polling)
        await stubborn.began(3)
        assert stubborn.begun == [one, other, one]


class TestLooking:
    async def test_it_looks_at_the_start_and_every_few_seconds(self, two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        one, _ = two
        looks: list[int] = []

        async def take_over() -> int:
            looks.append(1)
            return 0

        monkeypatch.setattr(one.turns.recovery, "take_over", take_over)
        for now in (0.0, 1.0, EVERY_S - 0.1, EVERY_S, EVERY_S + 1):
            one.takeover.tick(now)
            await one.until(lambda: not one.takeover.is_polling)
        assert len(looks) == 2

    async def test_what_is_offered_while_it_looks_is_looked_for_again(
        self, two: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, _ = two
        looks: list[int] = []

        async def take_over() -> int:
            looks.append(1)
            if len(looks) == 1:
                one.takeover.work()
            return 0

        monkeypatch.setattr(one.turns.recovery, "take_over", take_over)
        await settled(one)
        assert len(looks) == 2

    @pytest.mark.parametrize("fault", [DependencyUnavailable("down"), ValueError("broken")])
    async def test_a_look_that_fails_is_told_and_the_next_one_is_made(
        self, two: Any, fault: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        one, _ = two
        looks: list[int] = []

        async def take_over() -> int:
            looks.append(1)
            raise fault

        monkeypatch.setattr(one.turns.recovery, "take_over", take_over)
        await settled(one)
        await settled(one)
        assert len(looks) == 2
        assert caplog.text.count("could not look for runs") == 2

    async def test_after_its_close_it_looks_no_more(self, two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        one, _ = two
        begun = asyncio.Event()

        async def take_over() -> int:
            begun.set()
            return await asyncio.Event().wait()

        monkeypatch.setattr(one.turns.recovery, "take_over", take_over)
        made = Takeover(one.turns, one.peers)
        made.tick(0.0)
        await begun.wait()
        await made.close()
        assert not made.is_polling
        made.tick(1e9)
        assert not made.is_polling
