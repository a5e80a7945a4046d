"""Calls that wait for their user's word, also over the end of their process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.events import (
    AgentFailed,
    ApprovalRequested,
    ApprovalResolved,
    StepFinished,
)
from netra_backend.app.core.frames import ResolveApproval
from netra_backend.app.services.redaction import result_redaction
from test_framework.counted_tool import Counter, adding, codes_of, kinds, uninterrupted
from test_framework.paying import let_pay, word


class TestApproval:
    @pytest.fixture
    def counter(self, workshop: Any) -> Counter:
        return let_pay(workshop)

    async def asked(self, workshop: Any, user_id: str = "user_ada") -> tuple[Any, ApprovalRequested]:
        client = workshop.connect(user_id)
        await workshop.ask(client, "golden")
        requested = await client.saw(ApprovalRequested)
        return client, requested

    async def test_a_call_waits_for_its_users_word_and_is_done_after_it(self, workshop: Any, counter: Any) -> None:
        client, requested = await self.asked(workshop)
        assert counter.calls == []
        assert (requested.tool, requested.arguments) == ("pay", {"amount": 7})
        assert requested.expires_at == workshop.clock.now_ms() + workshop.services.approval_ms
        await workshop.turns.commands.resolve(client, word(requested))
        events = await client.ended(requested.run_id)
        assert kinds(events)[2:] == [
            "ApprovalRequested",
            "ApprovalResolved",
            "ToolExecuting",
            "ToolCompleted",
            "AgentCompleted",
        ]
        assert events[3].by == client.connection_id
        assert counter.calls == [7]
        assert [frame.id for frame in client.said] == [None, "word"]

    async def test_a_denied_call_is_not_done(self, workshop: Any, counter: Any) -> None:
        client, requested = await self.asked(workshop)
        await workshop.turns.commands.resolve(client, word(requested, "deny"))
        events = await client.ended(requested.run_id)
        assert codes_of(events) == ["APPROVAL_DENIED"]
        assert counter.calls == []
        assert events[-1].result["data"] == {"ok": False}

    @pytest.mark.validation_point("question.open")
    async def test_nobody_elses_word_and_no_word_about_something_else_counts(self, workshop: Any, counter: Any) -> None:
        client, requested = await self.asked(workshop)
        other = workshop.connect("user_bob")
        told = []
        for asker, said in (
            (other, word(requested)),
            (client, word(requested, arguments_hash="0" * 64)),
            (client, word(requested, approval_id="apr_unknown")),
        ):
            with pytest.raises(LookupError) as refused:
                await workshop.turns.commands.resolve(asker, said)
            told.append((str(refused.value), refused.value.field, refused.value.hint))  # type: ignore[attr-defined]
        assert len(set(told)) == 1
        assert counter.calls == []
        await workshop.turns.commands.resolve(client, word(requested))
        await client.ended(requested.run_id)
        assert counter.calls == [7]

    async def test_the_first_word_counts_and_saying_it_again_with_the_same_key_is_answered_again(
        self, workshop: Any, counter: Any
    ) -> None:
        client, requested = await self.asked(workshop)
        second = workshop.connect("user_ada")
        await workshop.turns.commands.resolve(client, word(requested))
        with pytest.raises(LookupError):
            await workshop.turns.commands.resolve(
                second, ResolveApproval(requested.approval_id, "deny", requested.arguments_hash, "another")
            )
        await client.ended(requested.run_id)
        await workshop.turns.commands.resolve(second, word(requested))
        assert [frame.id for frame in second.said] == ["word"]
        assert counter.calls == [7]

    async def test_a_request_that_nobody_answers_expires(self, workshop: Any, counter: Any) -> None:
        client, requested = await self.asked(workshop)
        await workshop.kill()
        workshop.clock.advance(ms=workshop.services.approval_ms)
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        events = await client.ended(requested.run_id)
        resolved = next(event for event in events if isinstance(event, ApprovalResolved))
        assert (resolved.decision, resolved.by) == ("expired", "expiry")
        assert codes_of(events) == ["APPROVAL_DENIED"]
        assert counter.calls == []

    async def test_a_request_outlives_its_process(self, workshop: Any, counter: Any) -> None:
        _, requested = await self.asked(workshop)
        await workshop.kill()
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        await workshop.until(lambda: workshop.questions.of("user_ada"))
        await workshop.turns.commands.resolve(client, word(requested))
        await client.ended(requested.run_id)
        events = await workshop.stored(requested.run_id)
        assert kinds(events).count("ApprovalRequested") == 1
        assert counter.calls == [7]

    @pytest.mark.parametrize("decision", ["approve", "deny"])
    @pytest.mark.parametrize("idempotent", [True, False])
    @pytest.mark.parametrize("frames", [3, 4, 5, 6])
    async def test_wherever_it_is_killed_a_denied_call_is_never_done_and_an_approved_one_at_most_once(
        self, workshop: Any, decision: str, idempotent: bool, frames: int
    ) -> None:
        counter = Counter()

        async def run(scope: Any) -> AgentResult:
            await scope.use_tool("pay", amount=7)
            return AgentResult("")

        workshop.tool(adding(counter, "pay", idempotent=idempotent, approval=True))
        workshop.agent("golden", run, ["pay"])
        client, requested = await self.asked(workshop)
        await workshop.turns.commands.resolve(client, word(requested, decision))
        events = await client.ended(requested.run_id)
        counter.calls.clear()
        client = await workshop.killed_after(events, "user_ada", frames)
        if frames == 3:
            await workshop.until(lambda: workshop.questions.of("user_ada"))
            await workshop.turns.commands.resolve(client, word(requested, decision))
        await client.ended(requested.run_id)
        stored = await workshop.stored(requested.run_id)
        assert uninterrupted(stored) == kinds(events)
        done = 0 if decision == "deny" or frames == 6 or (frames == 5 and not idempotent) else 1
        assert len(counter.calls) == done
        if decision == "deny":
            assert codes_of(stored) == ["APPROVAL_DENIED"]

    async def test_nobody_is_asked_about_a_call_that_is_refused_anyway(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.use_tool("pay", amount="x")
            return AgentResult("")

        workshop.tool(adding(Counter(), "pay", approval=True))
        workshop.agent("golden", run, ["pay"])
        events = await workshop.run("golden")
        assert kinds(events)[2:] == ["ToolExecuting", "ToolCompleted", "AgentCompleted"]
        assert codes_of(events) == ["INVALID_ARGUMENTS"]

    async def test_a_word_about_other_hidden_arguments_does_not_count_after_a_takeover(self, workshop: Any) -> None:
        secrets = iter(["one", "two"])

        async def run(scope: Any) -> AgentResult:
            await scope.use_tool("pay", token=next(secrets))
            return AgentResult("")

        counter = Counter()
        workshop.tool(adding(counter, "pay", approval=True, secret_arguments=frozenset({"token"})))
        workshop.agent("golden", run, ["pay"])
        _, requested = await self.asked(workshop)
        await workshop.kill()
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        events = await client.ended(requested.run_id)
        assert isinstance(events[-1], AgentFailed)
        assert "its arguments differ" in events[-1].message
        assert counter.calls == []


class TestSize:
    """What is too large to be recorded is not searched for secrets first; what is recorded always is."""

    @pytest.mark.parametrize("text", ["sk-" + "a" * 30, "sk-" + "a" * 30 + " \ud800"])
    async def test_a_result_is_searched_if_it_can_be_recorded_and_not_otherwise(
        self, workshop: Any, monkeypatch: pytest.MonkeyPatch, text: str
    ) -> None:
        searched: list[int] = []

        def counting(value: Any) -> Any:
            if isinstance(value, str):
                searched.append(len(value))
            return result_redaction(value)

        monkeypatch.setattr("netra_backend.app.agents.supervisor.tool_calls.result_redaction", counting)
        sizes = iter([1, 30_000])

        async def fetch(context: Any, arguments: Any) -> str:
            return text * next(sizes)

        async def run(scope: Any) -> AgentResult:
            small = await scope.use_tool("fetch", amount=1)
            large = await scope.use_tool("fetch", amount=1)
            return AgentResult("", {"small": small.result, "large": large.error["code"]})

        workshop.tool(adding(fetch, "fetch"))
        workshop.agent("golden", run, ["fetch"])
        events = await workshop.run("golden")
        assert events[-1].result["data"]["large"] == "RESULT_TOO_LARGE"
        assert events[-1].result["data"]["small"].startswith("***")
        assert searched == [len(text)]


class TestLongRedaction:
    """What is long is searched for secrets while others have their turn, so a run may end meanwhile."""

    @pytest.fixture
    def searching(self, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
        begun = asyncio.Event()

        def endless(_: Any) -> Any:
            while True:
                begun.set()
                yield 1

        for module in ("tool_calls", "own_steps"):
            monkeypatch.setattr(f"netra_backend.app.agents.supervisor.{module}.result_redaction", endless)
        return begun

    @staticmethod
    async def broken_off(asked: Any, searching: asyncio.Event) -> None:
        task = asyncio.ensure_future(asked)
        await searching.wait()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    @pytest.mark.parametrize("fails", [False, True])
    async def test_a_call_that_is_broken_off_meanwhile_is_recorded_so(
        self, workshop: Any, searching: asyncio.Event, fails: bool
    ) -> None:
        async def fetch(context: Any, arguments: Any) -> str:
            if fails:
                raise ToolError("NO", "no")
            return "text"

        async def run(scope: Any) -> AgentResult:
            await self.broken_off(scope.use_tool("fetch", amount=1), searching)
            return AgentResult("done")

        workshop.tool(adding(fetch, "fetch"))
        workshop.agent("golden", run, ["fetch"])
        events = await workshop.run("golden")
        assert codes_of(events) == ["CANCELLED"]
        assert kinds(events)[-1] == "AgentCompleted"

    async def test_a_step_that_is_broken_off_meanwhile_is_recorded_so(
        self, workshop: Any, searching: asyncio.Event
    ) -> None:
        async def body() -> None:
            raise ToolError("NO", "no")

        async def run(scope: Any) -> AgentResult:
            await self.broken_off(scope.step("look", body), searching)
            return AgentResult("done")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert [(event.error or {})["code"] for event in events if isinstance(event, StepFinished)] == ["CANCELLED"]

    async def test_a_run_that_is_stopped_meanwhile_records_nothing_after_its_end(
        self, workshop: Any, searching: asyncio.Event
    ) -> None:
        async def fetch(context: Any, arguments: Any) -> str:
            return "text"

        async def run(scope: Any) -> AgentResult:
            await scope.use_tool("fetch", amount=1)
            return AgentResult("never")

        workshop.tool(adding(fetch, "fetch"))
        workshop.agent("golden", run, ["fetch"])
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        await searching.wait()
        await workshop.cancel(client, accepted.run_id)
        events = await client.ended(accepted.run_id)
        assert kinds(events)[-2:] == ["ToolExecuting", "AgentCancelled"]

    async def test_a_hostile_answer_takes_many_turns_of_the_loop(self, workshop: Any) -> None:
        turns = 0
        secret = "sk-" + "a" * 30

        async def neighbour() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async def fetch(context: Any, arguments: Any) -> str:
            return f"{secret} token: " * 10_000

        async def run(scope: Any) -> AgentResult:
            other = asyncio.ensure_future(neighbour())
            before = turns
            outcome = await scope.use_tool("fetch", amount=1)
            other.cancel()
            return AgentResult("", {"turns": turns - before, "secret": secret in outcome.result})

        workshop.tool(adding(fetch, "fetch"))
        workshop.agent("golden", run, ["fetch"])
        data = (await workshop.run("golden"))[-1].result["data"]
        assert data["turns"] > 40
        assert not data["secret"]
