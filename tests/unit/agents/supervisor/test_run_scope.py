"""Each effect of an agent is recorded when it is performed, and is not performed again when it is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from netra_backend.app.agents.agent import AgentResult
from netra_backend.app.agents.tools.tool import Arguments, Tool
from netra_backend.app.core.errors import DependencyUnavailable, ToolFault
from netra_backend.app.core.events import (
    AgentCancelled,
    AgentCompleted,
    AgentDelta,
    AgentFailed,
    ApprovalRequested,
    ApprovalResolved,
    ToolCompleted,
    ToolExecuting,
)
from netra_backend.app.core.frames import ResolveApproval
from netra_backend.app.ports import ModelPart
from netra_backend.app.services.approvals import LIFETIME_MS


class Amount(Arguments, frozen=True):
    amount: int = 1
    token: str = ""


class Counter:
    """A tool that counts its calls; ``before`` is awaited in each."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.before: Callable[[], Any] | None = None

    async def __call__(self, context: Any, arguments: Any) -> Any:
        self.calls.append(arguments.amount)
        if self.before is not None:
            await self.before()
        return {"sum": sum(self.calls)}


def tool(counter: Any, name: str = "add", **more: Any) -> Tool:
    return Tool(name, "Adds.", Amount, counter, **more)


def kinds(events: Any) -> list[str]:
    return [type(event).__name__ for event in events]


def errors_of(events: Any) -> list[Any]:
    return [event.error["code"] if event.error else None for event in events if isinstance(event, ToolCompleted)]


class TestSteps:
    async def test_each_effect_is_one_event_in_order(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.think("hm")
            outcome = await scope.use_tool("add", amount=2)
            await scope.say(f"it is {outcome.result['sum']}")
            return AgentResult("done", {"sum": outcome.result["sum"]})

        workshop.tool(tool(Counter()))
        workshop.agent("golden", run, ["add"])
        events = await workshop.run("golden", "what is it?")
        assert kinds(events) == [
            "UserMessage",
            "AgentStarted",
            "AgentThinking",
            "ToolExecuting",
            "ToolCompleted",
            "AgentDelta",
            "AgentCompleted",
        ]
        assert [event.seq for event in events] == list(range(1, 8))
        assert events[4].result == {"sum": 2}
        assert events[-1].result == {"text": "done", "data": {"sum": 2}}

    async def test_a_run_sees_its_request_and_nothing_that_names_its_user(self, workshop: Any) -> None:
        seen: dict[str, Any] = {}

        async def run(scope: Any) -> AgentResult:
            seen.update(
                message=scope.message,
                now_ms=scope.now_ms,
                timezone=scope.timezone,
                history=list(scope.history),
                has_model=scope.has_model,
            )
            assert not [name for name in dir(scope) if "user" in name]
            return AgentResult("")

        workshop.agent("golden", run)
        await workshop.run("golden", "hello", timezone="Europe/Berlin")
        assert seen == {
            "message": "hello",
            "now_ms": workshop.clock.now_ms(),
            "timezone": "Europe/Berlin",
            "history": [],
            "has_model": False,
        }

    @pytest.mark.parametrize("effect", ["think", "say"])
    async def test_what_is_no_text_is_not_recorded(self, workshop: Any, effect: str) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(TypeError, match="text must be a str, not int"):
                await getattr(scope, effect)(7)
            return AgentResult("")

        workshop.agent("golden", run)
        assert kinds(await workshop.run("golden")) == ["UserMessage", "AgentStarted", "AgentCompleted"]


class TestToolAnswers:
    async def outcome(self, workshop: Any, call: Any, name: str = "add", **arguments: Any) -> Any:
        """What a call comes to, as the agent sees it; it must be what is recorded."""
        seen = []

        async def run(scope: Any) -> AgentResult:
            seen.append(await scope.use_tool(name, **arguments))
            return AgentResult("")

        workshop.tool(tool(call))
        workshop.agent("golden", run, ["add"])
        events = await workshop.run("golden")
        (completed,) = [event for event in events if isinstance(event, ToolCompleted)]
        assert (completed.ok, completed.result, completed.error) == (seen[0].ok, seen[0].result, seen[0].error)
        assert kinds(events)[2:] == ["ToolExecuting", "ToolCompleted", "AgentCompleted"]
        return seen[0]

    async def test_a_typed_answer_is_an_outcome(self, workshop: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            raise ToolFault("NO_DATA", "There is none.", hint="Import some.", details={"rows": 0})

        assert (await self.outcome(workshop, call)).error == {
            "code": "NO_DATA",
            "message": "There is none.",
            "hint": "Import some.",
            "details": {"rows": 0},
        }

    async def test_a_tool_that_breaks_says_so_without_its_inner_words(
        self, workshop: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            raise ZeroDivisionError("the inner secret")

        error = (await self.outcome(workshop, call)).error
        assert (error["code"], error["message"]) == ("TOOL_FAILED", "add failed (ZeroDivisionError).")
        assert "secret" not in str(error)
        assert "the inner secret" in caplog.text
        assert error["error_id"] in [getattr(record, "error_id", None) for record in caplog.records]

    @pytest.mark.parametrize("answer", [object(), "\ud800", [b"\xff", object()]], ids=repr)
    async def test_what_is_no_json_is_a_failed_tool(self, workshop: Any, answer: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            return answer

        assert (await self.outcome(workshop, call)).error["code"] == "TOOL_FAILED"

    async def test_an_answer_that_is_too_large_says_so(self, workshop: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            return "x" * 600_000

        error = (await self.outcome(workshop, call)).error
        assert error["code"] == "RESULT_TOO_LARGE"
        assert len(str(error)) < 500

    @pytest.mark.parametrize(
        ("name", "arguments", "code", "point"),
        [
            ("no_such_tool", {}, "UNKNOWN_TOOL", "dispatcher.tool"),
            ("administrate", {}, "TOOL_NOT_ALLOWED", "dispatcher.permission"),
            ("add", {"amount": "x"}, "INVALID_ARGUMENTS", "dispatcher.arguments"),
            ("add", {"user_id": "user_bob"}, "INVALID_ARGUMENTS", "dispatcher.arguments"),
        ],
    )
    @pytest.mark.validation_point("dispatcher.tool", "dispatcher.permission", "dispatcher.arguments")
    async def test_a_refused_call_is_an_outcome_and_stands_in_the_trail(
        self, workshop: Any, name: str, arguments: Any, code: str, point: str
    ) -> None:
        counter = Counter()
        workshop.tool(tool(counter, "administrate", permission="admin"))
        outcome = await self.outcome(workshop, counter, name, **arguments)
        assert outcome.error["code"] == code
        assert counter.calls == []
        assert [row[1] for row in workshop.audit] == [point]

    async def test_a_tool_that_takes_too_long_is_ended(self, workshop: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            await asyncio.Event().wait()

        async def run(scope: Any) -> AgentResult:
            for name in ("slow", "once"):
                await scope.use_tool(name)
            return AgentResult("")

        workshop.tool(tool(call, "slow", timeout_s=0.0))
        workshop.tool(tool(call, "once", timeout_s=0.0, idempotent=False))
        workshop.agent("golden", run, ["slow", "once"])
        events = await workshop.run("golden")
        assert errors_of(events) == ["TOOL_TIMEOUT", "TOOL_TIMEOUT"]
        hints = [event.error["hint"] for event in events if isinstance(event, ToolCompleted)]
        assert "try again" in hints[0]
        assert "may have acted" in hints[1]

    async def test_secrets_in_arguments_are_hidden_and_still_reach_the_tool(self, workshop: Any) -> None:
        got: list[str] = []

        async def call(context: Any, arguments: Any) -> Any:
            got.append(arguments.token)

        async def run(scope: Any) -> AgentResult:
            await scope.use_tool("add", token="the-secret-word")
            return AgentResult("")

        workshop.tool(tool(call, secret_arguments=frozenset({"token"})))
        workshop.agent("golden", run, ["add"])
        events = await workshop.run("golden")
        (executing,) = [event for event in events if isinstance(event, ToolExecuting)]
        assert executing.arguments == {"token": "***"}
        assert got == ["the-secret-word"]


class TestTakeover:
    """A process is killed after each number of committed events in turn; the next one goes on."""

    @pytest.mark.parametrize("frames", range(1, 13))
    async def test_wherever_it_is_killed_the_run_ends_with_the_same_steps_and_nothing_is_done_twice(
        self, workshop: Any, frames: int
    ) -> None:
        counter, once = Counter(), Counter()

        async def run(scope: Any) -> AgentResult:
            await scope.think("one")
            first = await scope.use_tool("add", amount=3)
            await scope.say("two")
            second = await scope.use_tool("pay", amount=5)
            refused = await scope.use_tool("unknown")
            await scope.think(f"{first.ok} {second.ok} {refused.ok}")
            return AgentResult("end", {"first": first.result})

        workshop.tool(tool(counter))
        workshop.tool(tool(once, "pay", idempotent=False))
        workshop.agent("golden", run, ["add", "pay"])
        events = await workshop.run("golden")
        assert len(events) == 12
        counter.calls.clear()
        once.calls.clear()
        client = await workshop.killed_after(events, "user_ada", frames)
        assert workshop.turns.runs_taken_over == (frames < 12)
        if frames < 12:
            await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        assert stored[:frames] == events[:frames]
        assert kinds(stored) == kinds(events)
        recorded = kinds(events[:frames])
        assert counter.calls == ([] if recorded.count("ToolCompleted") >= 1 else [3])
        begun = recorded.count("ToolExecuting") >= 2
        assert once.calls == ([] if begun else [5])
        if recorded.count("ToolExecuting") == 2 and recorded.count("ToolCompleted") == 1:
            assert errors_of(stored)[1] == "OUTCOME_UNKNOWN"
        assert isinstance(stored[-1], AgentCompleted)

    async def test_an_agent_that_asks_for_something_else_than_was_recorded_fails(self, workshop: Any) -> None:
        words = iter(["first", "another", "third"])

        async def run(scope: Any) -> AgentResult:
            await scope.think(next(words))
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        client = await workshop.killed_after(events, "user_ada", 3)
        stored = await client.ended(events[0].run_id)
        assert isinstance(stored[-1], AgentFailed)
        assert "not deterministic" in stored[-1].message

    async def test_what_must_not_be_done_twice_is_durable_before_it_is_done(self, workshop: Any) -> None:
        seen: list[str] = []

        async def call(context: Any, arguments: Any) -> Any:
            seen.extend(kinds(await workshop.stored(context.run_id)))

        async def run(scope: Any) -> AgentResult:
            await scope.use_tool("pay")
            return AgentResult("")

        workshop.tool(tool(call, "pay", idempotent=False))
        workshop.agent("golden", run, ["pay"])
        await workshop.run("golden")
        assert seen == ["UserMessage", "AgentStarted", "ToolExecuting"]

    async def test_a_tool_that_is_cancelled_in_the_middle_has_an_unknown_outcome_if_it_may_not_be_repeated(
        self, workshop: Any
    ) -> None:
        counter = Counter()
        counter.before = asyncio.Event().wait

        async def run(scope: Any) -> AgentResult:
            await scope.use_tool(scope.message)
            return AgentResult("")

        for name, idempotent in (("repeat", True), ("pay", False)):
            workshop.tool(tool(counter, name, idempotent=idempotent))
        workshop.agent("golden", run, ["repeat", "pay"])
        client = workshop.connect()
        for name, wanted in (("repeat", []), ("pay", ["OUTCOME_UNKNOWN"])):
            accepted = await workshop.ask(client, "golden", name)
            await workshop.until(lambda: counter.calls)
            counter.calls.clear()
            await workshop.cancel(client, accepted.run_id)
            events = await client.ended(accepted.run_id)
            assert errors_of(events) == wanted
            assert isinstance(events[-1], AgentCancelled)


class TestApproval:
    @pytest.fixture
    def counter(self, workshop: Any) -> Counter:
        made = Counter()

        async def run(scope: Any) -> AgentResult:
            outcome = await scope.use_tool("pay", amount=7)
            return AgentResult("", {"ok": outcome.ok})

        workshop.tool(tool(made, "pay", idempotent=False, approval=True))
        workshop.agent("golden", run, ["pay"])
        return made

    async def asked(self, workshop: Any, user_id: str = "user_ada") -> tuple[Any, ApprovalRequested]:
        client = workshop.connect(user_id)
        await workshop.ask(client, "golden")
        requested = await client.saw(ApprovalRequested)
        return client, requested

    def word(self, requested: ApprovalRequested, decision: Any = "approve", **other: Any) -> ResolveApproval:
        told = {"approval_id": requested.approval_id, "arguments_hash": requested.arguments_hash, **other}
        return ResolveApproval(told["approval_id"], decision, told["arguments_hash"], "word")

    async def test_a_call_waits_for_its_users_word_and_is_done_after_it(self, workshop: Any, counter: Any) -> None:
        client, requested = await self.asked(workshop)
        assert counter.calls == []
        assert (requested.tool, requested.arguments) == ("pay", {"amount": 7})
        assert requested.expires_at == workshop.clock.now_ms() + LIFETIME_MS
        await workshop.turns.resolve(client, self.word(requested))
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
        await workshop.turns.resolve(client, self.word(requested, "deny"))
        events = await client.ended(requested.run_id)
        assert errors_of(events) == ["APPROVAL_DENIED"]
        assert counter.calls == []
        assert events[-1].result["data"] == {"ok": False}

    @pytest.mark.validation_point("approval.open")
    async def test_nobody_elses_word_and_no_word_about_something_else_counts(self, workshop: Any, counter: Any) -> None:
        client, requested = await self.asked(workshop)
        other = workshop.connect("user_bob")
        told = []
        for asker, word in (
            (other, self.word(requested)),
            (client, self.word(requested, arguments_hash="0" * 64)),
            (client, self.word(requested, approval_id="apr_unknown")),
        ):
            with pytest.raises(LookupError) as refused:
                await workshop.turns.resolve(asker, word)
            told.append((str(refused.value), refused.value.field, refused.value.hint))  # type: ignore[attr-defined]
        assert len(set(told)) == 1
        assert counter.calls == []
        await workshop.turns.resolve(client, self.word(requested))
        await client.ended(requested.run_id)
        assert counter.calls == [7]

    async def test_the_first_word_counts_and_saying_it_again_with_the_same_key_is_answered_again(
        self, workshop: Any, counter: Any
    ) -> None:
        client, requested = await self.asked(workshop)
        second = workshop.connect("user_ada")
        await workshop.turns.resolve(client, self.word(requested))
        with pytest.raises(LookupError):
            await workshop.turns.resolve(
                second, ResolveApproval(requested.approval_id, "deny", requested.arguments_hash, "another")
            )
        await client.ended(requested.run_id)
        await workshop.turns.resolve(second, self.word(requested))
        assert [frame.id for frame in second.said] == ["word"]
        assert counter.calls == [7]

    async def test_a_request_that_nobody_answers_expires(self, workshop: Any, counter: Any) -> None:
        client, requested = await self.asked(workshop)
        await workshop.kill()
        workshop.clock.advance(ms=LIFETIME_MS)
        client = workshop.connect()
        await workshop.turns.take_over()
        events = await client.ended(requested.run_id)
        resolved = next(event for event in events if isinstance(event, ApprovalResolved))
        assert (resolved.decision, resolved.by) == ("expired", "expiry")
        assert errors_of(events) == ["APPROVAL_DENIED"]
        assert counter.calls == []

    async def test_a_request_outlives_its_process(self, workshop: Any, counter: Any) -> None:
        _, requested = await self.asked(workshop)
        await workshop.kill()
        client = workshop.connect()
        await workshop.turns.take_over()
        await workshop.until(lambda: workshop.approvals.of("user_ada"))
        await workshop.turns.resolve(client, self.word(requested))
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

        workshop.tool(tool(counter, "pay", idempotent=idempotent, approval=True))
        workshop.agent("golden", run, ["pay"])
        client, requested = await self.asked(workshop)
        await workshop.turns.resolve(client, self.word(requested, decision))
        events = await client.ended(requested.run_id)
        counter.calls.clear()
        client = await workshop.killed_after(events, "user_ada", frames)
        if frames == 3:
            await workshop.until(lambda: workshop.approvals.of("user_ada"))
            await workshop.turns.resolve(client, self.word(requested, decision))
        await client.ended(requested.run_id)
        stored = await workshop.stored(requested.run_id)
        assert kinds(stored) == kinds(events)
        done = 0 if decision == "deny" or frames == 6 or (frames == 5 and not idempotent) else 1
        assert len(counter.calls) == done
        if decision == "deny":
            assert errors_of(stored) == ["APPROVAL_DENIED"]

    async def test_nobody_is_asked_about_a_call_that_is_refused_anyway(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.use_tool("pay", amount="x")
            return AgentResult("")

        workshop.tool(tool(Counter(), "pay", approval=True))
        workshop.agent("golden", run, ["pay"])
        events = await workshop.run("golden")
        assert kinds(events)[2:] == ["ToolExecuting", "ToolCompleted", "AgentCompleted"]
        assert errors_of(events) == ["INVALID_ARGUMENTS"]

    async def test_a_word_about_other_hidden_arguments_does_not_count_after_a_takeover(self, workshop: Any) -> None:
        secrets = iter(["one", "two"])

        async def run(scope: Any) -> AgentResult:
            await scope.use_tool("pay", token=next(secrets))
            return AgentResult("")

        counter = Counter()
        workshop.tool(tool(counter, "pay", approval=True, secret_arguments=frozenset({"token"})))
        workshop.agent("golden", run, ["pay"])
        _, requested = await self.asked(workshop)
        await workshop.kill()
        client = workshop.connect()
        await workshop.turns.take_over()
        events = await client.ended(requested.run_id)
        assert isinstance(events[-1], AgentFailed)
        assert "other arguments" in events[-1].message
        assert counter.calls == []


class Script:
    """A model that says its parts, or fails."""

    def __init__(self, workshop: Any, *parts: Any) -> None:
        self._workshop = workshop
        self._parts = parts
        self.asked: list[str] = []
        self.closed = 0

    async def stream(self, prompt: str, *, system: str, max_tokens: int) -> AsyncGenerator[ModelPart, None]:
        self.asked.append(prompt)
        try:
            for part in self._parts:
                if isinstance(part, BaseException):
                    raise part
                if callable(part):
                    await part()
                elif isinstance(part, float):
                    self._workshop.clock.advance(s=part)
                else:
                    yield part if isinstance(part, ModelPart) else ModelPart(part)
        finally:
            self.closed += 1


class TestModel:
    def ask(self, workshop: Any, *parts: Any) -> Script:
        script = Script(workshop, *parts)

        async def run(scope: Any) -> AgentResult:
            reply = await scope.ask_model("why?", system="short")
            await scope.think("after")
            return AgentResult(reply.text)

        workshop.agent("golden", run)
        workshop.answer_with(script)
        return script

    async def test_an_answer_streams_in_few_events_and_its_usage_is_counted(self, workshop: Any) -> None:
        usage = {"input_tokens": 10, "output_tokens": 20, "cost_usd": "0.0003"}
        self.ask(workshop, "a", "b", 0.06, "c", "d" * 5000, "e", ModelPart("", usage))
        events = await workshop.run("golden")
        deltas = [event for event in events if isinstance(event, AgentDelta)]
        assert [delta.text for delta in deltas] == ["abc", "d" * 5000, "e"]
        assert [delta.done for delta in deltas] == [False, False, True]
        assert deltas[-1].usage == usage
        assert events[-1].usage == usage
        assert events[-1].result["text"] == "abc" + "d" * 5000 + "e"

    @pytest.mark.parametrize("frames", range(2, 7))
    async def test_after_a_takeover_an_answer_that_was_recorded_is_not_paid_again(
        self, workshop: Any, frames: int
    ) -> None:
        usage = {"input_tokens": 10, "output_tokens": 20, "cost_usd": "0.5"}
        script = self.ask(workshop, "a", 0.06, "b", 0.06, "c", ModelPart("", usage))
        events = await workshop.run("golden")
        assert kinds(events)[2:6] == ["AgentDelta"] * 3 + ["AgentThinking"]
        script.asked.clear()
        client = await workshop.killed_after(events, "user_ada", frames)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        whole = frames >= 5
        assert script.asked == ([] if whole else ["why?"])
        attempts = [event.attempt for event in stored if isinstance(event, AgentDelta)]
        cut = max(0, frames - 2) if not whole else 0
        assert attempts == ([1] * 3 if whole else [1] * cut + [2 if cut else 1] * 3)
        assert stored[-1].usage == usage
        assert stored[-1].result == events[-1].result

    @pytest.mark.parametrize("fault", [DependencyUnavailable("It is down."), ValueError("the inner secret")])
    @pytest.mark.parametrize("said", [[], ["half "]])
    async def test_an_agent_that_goes_on_without_its_model_does_so_on_every_replay(
        self, workshop: Any, fault: BaseException, said: list[str]
    ) -> None:
        script = Script(workshop, *said, fault)
        seen: list[str] = []

        async def run(scope: Any) -> AgentResult:
            try:
                await scope.ask_model("why?")
            except DependencyUnavailable as missing:
                seen.append(missing.message)
                await scope.think("without it")
            return AgentResult("template")

        workshop.agent("golden", run)
        workshop.answer_with(script)
        events = await workshop.run("golden")
        (delta,) = [event for event in events if isinstance(event, AgentDelta)]
        told = "It is down." if isinstance(fault, DependencyUnavailable) else "The language model failed."
        assert (delta.done, delta.error, delta.text) == (True, told, "".join(said))
        script.asked.clear()
        client = await workshop.killed_after(events, "user_ada", 4)
        await client.ended(events[0].run_id)
        assert kinds(await workshop.stored(events[0].run_id)) == kinds(events)
        assert script.asked == []
        assert seen == [told, told]

    async def test_without_a_model_an_agent_is_told_so_and_may_go_on(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            assert not scope.has_model
            with pytest.raises(DependencyUnavailable, match="No language model is configured"):
                await scope.ask_model("why?")
            return AgentResult("template")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert isinstance(events[-1], AgentCompleted)

    async def test_a_cancelled_run_closes_the_stream(self, workshop: Any) -> None:
        script = self.ask(workshop, "a", 0.06, "b", asyncio.Event().wait)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        await client.saw(AgentDelta)
        await workshop.cancel(client, accepted.run_id)
        events = await client.ended(accepted.run_id)
        assert isinstance(events[-1], AgentCancelled)
        assert script.closed == 1

    async def test_a_stream_is_closed_where_its_part_cannot_be_recorded(self, workshop: Any) -> None:
        script = self.ask(workshop, "x" * 600_000, "never asked for")
        events = await workshop.run("golden")
        assert isinstance(events[-1], AgentFailed)
        assert script.closed == 1
