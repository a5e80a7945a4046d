"""Each effect of an agent is recorded when it is performed, and is not performed again when it is recorded."""

from __future__ import annotations

import asyncio
import errno
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import DependencyUnavailable, ToolError
from netra_backend.app.core.events import (
    AgentCancelled,
    AgentCompleted,
    AgentFailed,
    ToolCompleted,
    ToolExecuting,
)
from test_framework.counted_tool import Counter, adding, codes_of, kinds, uninterrupted


class TestSteps:
    async def test_each_effect_is_one_event_in_order(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.think("hm")
            outcome = await scope.use_tool("add", amount=2)
            await scope.say(f"it is {outcome.result['sum']}")
            return AgentResult("done", {"sum": outcome.result["sum"]})

        workshop.tool(adding(Counter()))
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

        workshop.tool(adding(call))
        workshop.agent("golden", run, ["add"])
        events = await workshop.run("golden")
        (completed,) = [event for event in events if isinstance(event, ToolCompleted)]
        assert (completed.ok, completed.result, completed.error) == (seen[0].ok, seen[0].result, seen[0].error)
        assert kinds(events)[2:] == ["ToolExecuting", "ToolCompleted", "AgentCompleted"]
        return seen[0]

    async def test_a_typed_answer_is_an_outcome(self, workshop: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            raise ToolError("NO_DATA", "There is none.", hint="Import some.", details={"rows": 0})

        assert (await self.outcome(workshop, call)).error == {
            "code": "NO_DATA",
            "message": "There is none.",
            "hint": "Import some.",
            "details": {"rows": 0},
        }

    async def test_a_service_that_does_not_answer_is_told_as_what_may_pass(self, workshop: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            raise DependencyUnavailable("The store does not answer.", hint="Try again shortly.")

        assert (await self.outcome(workshop, call)).error == {
            "code": "DEPENDENCY_UNAVAILABLE",
            "message": "The store does not answer.",
            "hint": "Try again shortly.",
        }

    async def test_text_that_is_half_a_character_is_repaired_for_the_agent_as_for_the_log(self, workshop: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            return {"cut": "\ud83d"}

        assert (await self.outcome(workshop, call)).result == {"cut": "\ufffd"}

    async def test_a_process_that_can_open_no_file_says_so_in_plain_words(self, workshop: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            raise OSError(errno.EMFILE, "Too many open files")

        error = (await self.outcome(workshop, call)).error
        assert (error["code"], "too many open files" in error["message"]) == ("DEPENDENCY_UNAVAILABLE", True)
        assert "ulimit" in error["hint"]

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

    @pytest.mark.parametrize("answer", [object(), [b"\xff", object()]], ids=["object", "inner"])
    async def test_what_is_no_json_is_a_failed_tool(self, workshop: Any, answer: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            return answer

        assert (await self.outcome(workshop, call)).error["code"] == "TOOL_FAILED"

    async def test_secrets_in_an_answer_are_hidden_from_the_event_and_the_agent_alike(self, workshop: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            return {"url": "redis://:hunter2@valkey/0", "rows": [["ticket", 1]], "ticket": "NET-1"}

        shown = {"url": "redis://***@valkey/0", "rows": [["ticket", 1]], "ticket": "NET-1"}
        assert (await self.outcome(workshop, call)).result == shown

    async def test_secrets_in_a_tools_own_refusal_are_hidden(self, workshop: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            raise ToolError("NO_DATA", "redis://:hunter2@valkey/0", hint="h", details={"at": "password=hunter2"})

        assert "hunter2" not in str((await self.outcome(workshop, call)).error)

    async def test_a_tool_whose_answer_is_a_secret_may_say_so(self, workshop: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            return "password=hunter2"

        async def run(scope: Any) -> AgentResult:
            return AgentResult(str((await scope.use_tool("open")).result))

        workshop.tool(adding(call, "open", redact=False))
        workshop.agent("golden", run, ["open"])
        events = await workshop.run("golden")
        assert [event.result for event in events if isinstance(event, ToolCompleted)] == ["password=hunter2"]

    @pytest.mark.parametrize(
        "amount",
        [10**100_000, [{"a": -(10**5_000)}], [{10**5_000: 1}], {(10**5_000,): 1}],
        ids=["outer", "inner", "name", "name with one"],
    )
    @pytest.mark.validation_point("dispatcher.arguments")
    async def test_a_number_of_too_many_digits_is_refused_as_an_argument(self, workshop: Any, amount: Any) -> None:
        counter = Counter()
        error = (await self.outcome(workshop, counter, amount=amount)).error
        assert (error["code"], "digits" in error["message"]) == ("INVALID_ARGUMENTS", True)
        assert counter.calls == []

    @pytest.mark.parametrize("answer", [{"n": [10**5_000]}, {10**5_000: "n"}], ids=["value", "name"])
    async def test_an_answer_with_a_number_of_too_many_digits_says_so(self, workshop: Any, answer: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            return answer

        assert (await self.outcome(workshop, call)).error["code"] == "RESULT_TOO_LARGE"

    async def test_an_answer_that_cannot_be_converted_is_its_tools_fault(self, workshop: Any) -> None:
        class NoZone(tzinfo):
            def utcoffset(self, at: datetime | None) -> timedelta:
                raise ValueError("there is no such zone")

            dst = utcoffset

            def tzname(self, at: datetime | None) -> str:
                return "nowhere"

        async def call(context: Any, arguments: Any) -> Any:
            return {"at": datetime(2026, 1, 1, tzinfo=NoZone())}

        assert (await self.outcome(workshop, call)).error["code"] == "TOOL_FAILED"

    @pytest.mark.parametrize("details", [{"rooms": 10**5_000}, {"rooms": {10**5_000: 1}}], ids=["value", "name"])
    async def test_an_error_with_a_number_of_too_many_digits_says_so(self, workshop: Any, details: Any) -> None:
        async def call(context: Any, arguments: Any) -> Any:
            raise ToolError("NO_ROOM", "There is no room.", details=details)

        assert (await self.outcome(workshop, call)).error["code"] == "RESULT_TOO_LARGE"

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
        workshop.tool(adding(counter, "administrate", permission="admin"))
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

        workshop.tool(adding(call, "slow", timeout_s=0.0))
        workshop.tool(adding(call, "once", timeout_s=0.0, idempotent=False))
        workshop.agent("golden", run, ["slow", "once"])
        events = await workshop.run("golden")
        assert codes_of(events) == ["TOOL_TIMEOUT", "TOOL_TIMEOUT"]
        hints = [(event.error or {})["hint"] for event in events if isinstance(event, ToolCompleted)]
        assert "try again" in hints[0]
        assert "may have taken effect" in hints[1]

    async def test_secrets_in_arguments_are_hidden_and_still_reach_the_tool(self, workshop: Any) -> None:
        got: list[str] = []

        async def call(context: Any, arguments: Any) -> Any:
            got.append(arguments.token)

        async def run(scope: Any) -> AgentResult:
            await scope.use_tool("add", token="the-secret-word")
            return AgentResult("")

        workshop.tool(adding(call, secret_arguments=frozenset({"token"})))
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

        workshop.tool(adding(counter))
        workshop.tool(adding(once, "pay", idempotent=False))
        workshop.agent("golden", run, ["add", "pay"])
        events = await workshop.run("golden")
        assert len(events) == 12
        counter.calls.clear()
        once.calls.clear()
        client = await workshop.killed_after(events, "user_ada", frames)
        assert workshop.turns.recovery.taken_over == (frames < 12)
        if frames < 12:
            await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        assert stored[:frames] == events[:frames]
        assert uninterrupted(stored) == kinds(events)
        recorded = kinds(events[:frames])
        assert counter.calls == ([] if recorded.count("ToolCompleted") >= 1 else [3])
        begun = recorded.count("ToolExecuting") >= 2
        assert once.calls == ([] if begun else [5])
        if recorded.count("ToolExecuting") == 2 and recorded.count("ToolCompleted") == 1:
            assert codes_of(stored)[1] == "OUTCOME_UNKNOWN"
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

        workshop.tool(adding(call, "pay", idempotent=False))
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
            workshop.tool(adding(counter, name, idempotent=idempotent))
        workshop.agent("golden", run, ["repeat", "pay"])
        client = workshop.connect()
        for name, wanted in (("repeat", []), ("pay", ["OUTCOME_UNKNOWN"])):
            accepted = await workshop.ask(client, "golden", name)
            await workshop.until(lambda: counter.calls)
            counter.calls.clear()
            await workshop.cancel(client, accepted.run_id)
            events = await client.ended(accepted.run_id)
            assert codes_of(events) == wanted
            assert isinstance(events[-1], AgentCancelled)
