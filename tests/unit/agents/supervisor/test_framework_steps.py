"""Steps of agents that another framework runs: recorded exactly, shown redacted, performed once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.supervisor.framework_steps import LiveAnswer, ModelRequest, ModelResponse
from netra_backend.app.agents.tools.decorator import tool
from netra_backend.app.agents.tools.definition import ForeignTool
from netra_backend.app.core.blobs import EXACT
from netra_backend.app.core.budgets import Bound, RunBudget
from netra_backend.app.core.errors import BudgetRefused, DependencyUnavailable
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentDelta,
    AgentFailed,
    ApprovalRequested,
    ModelCompleted,
    ModelStarted,
    StepFinished,
    StepRecorded,
    StepStarted,
    ToolCompleted,
    ToolExecuting,
    encode_event,
)
from netra_backend.app.core.limits import USUAL
from netra_backend.app.core.plans import Plan, Plans
from test_framework.counted_tool import kinds
from test_framework.paying import word

REQUEST = ModelRequest("test-model", "f1", ("What is up?",))
KEY = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"


def of(events: list[Any], kind: type[Any]) -> list[Any]:
    return [each for each in events if isinstance(each, kind)]


def data_of(events: list[Any]) -> Any:
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events[-1].result["data"]


class FakeModel:
    """Answers with its parts, and counts how often it was asked."""

    def __init__(self, *parts: tuple[str, str], error: str | None = None, fault: BaseException | None = None) -> None:
        self.parts = parts or (("It ", ""), ("is fine.", ""))
        self.error = error
        self.fault = fault
        self.asked = 0

    async def __call__(self, live: LiveAnswer) -> ModelResponse:
        self.asked += 1
        for text, kind in self.parts:
            live.show(text, kind)
        if self.fault is not None:
            raise self.fault
        recorded = msgspec.json.encode({"text": live.text, "signature": KEY})
        usage = {"input_tokens": 3, "output_tokens": 4, "cost_usd": "0.01"}
        return ModelResponse(recorded, usage, "tool_calls", self.error)


def asking(model: FakeModel, seen: list[Any], request: ModelRequest = REQUEST) -> Callable[[Any], Awaitable[Any]]:
    async def run(scope: Any) -> AgentResult:
        answered = await scope.framework.model(request, model)
        seen.append(answered)
        return AgentResult(msgspec.json.decode(answered.recorded)["text"])

    return run


class TestModel:
    async def test_a_response_is_recorded_exactly_and_its_text_is_shown(self, workshop: Any) -> None:
        seen: list[Any] = []
        model = FakeModel(("Let me see.", "reasoning"), ("It ", ""), ("is fine.", ""))
        workshop.agent("golden", asking(model, seen))
        events = await workshop.run("golden")
        started, completed = of(events, ModelStarted)[0], of(events, ModelCompleted)[0]
        assert (started.model, started.fingerprint, started.attempt) == ("test-model", "f1", 1)
        assert [(each.kind, each.text) for each in of(events, AgentDelta)] == [
            ("reasoning", "Let me see."),
            ("", "It is fine."),
        ]
        assert {each.call_id for each in of(events, AgentDelta)} == {started.call_id} == {seen[0].call_id}
        assert (completed.finish_reason, completed.usage["output_tokens"]) == ("tool_calls", 4)
        assert not any(KEY.encode() in encode_event(each) for each in events)
        body, media = await workshop.log.blob(
            workshop.store.threads[events[0].thread_id].owner, events[0].thread_id, completed.recorded.ref
        )
        assert (msgspec.json.decode(body)["signature"], media) == (KEY, EXACT)
        end = events[-1]
        assert end.message_id == started.call_id
        assert end.usage == {"input_tokens": 3, "output_tokens": 4, "cost_usd": "0.01"}
        assert [each["model"] for each in end.usage_by_model] == ["test-model"]

    @pytest.mark.parametrize("frames", range(1, 7))
    async def test_wherever_it_is_killed_a_recorded_response_is_not_asked_for_again(
        self, workshop: Any, frames: int
    ) -> None:
        seen: list[Any] = []
        model = FakeModel()
        workshop.agent("golden", asking(model, seen))
        events = await workshop.run("golden")
        assert kinds(events)[2:] == ["ModelStarted", "AgentDelta", "AgentDelta", "ModelCompleted", "AgentCompleted"]
        client = await workshop.killed_after(events, "user_ada", frames)
        await client.ended(events[0].run_id)
        after = await workshop.stored(events[0].run_id)
        assert model.asked == (1 if frames == 6 else 2)
        assert seen[1].recorded == seen[0].recorded
        assert seen[1].is_replayed is (frames == 6)
        assert (after[-1].result, after[-1].usage) == (events[-1].result, events[-1].usage)
        assert after[-1].message_id == events[-1].message_id
        assert [each.attempt for each in of(after, ModelStarted)] == ([1, 2] if frames in (3, 4, 5) else [1])

    async def test_what_is_replaced_counts_as_a_higher_attempt_also_on_a_replay(self, workshop: Any) -> None:
        async def answer(live: LiveAnswer) -> ModelResponse:
            live.show("It is ")
            live.replace("No answer.")
            return ModelResponse(msgspec.json.encode({"text": live.text}), {"output_tokens": 1})

        async def run(scope: Any) -> AgentResult:
            answered = await scope.framework.model(REQUEST, answer)
            await scope.think("on")
            return AgentResult(msgspec.json.decode(answered.recorded)["text"])

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        told = [(each.attempt, each.text) for each in of(events, AgentDelta)]
        assert told == [(1, "It is "), (2, "No answer.")]
        (completed,) = of(events, ModelCompleted)
        assert completed.attempt == 2
        assert events[-1].message_id == completed.call_id
        for frames in range(2, len(events)):
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            after = await workshop.stored(events[0].run_id)
            assert after[-1].message_id == completed.call_id
            last = of(after, ModelCompleted)[-1].attempt
            assert [each.text for each in of(after, AgentDelta) if each.attempt == last] == ["No answer."]

    async def test_an_answer_that_is_too_long_is_broken_off(self, workshop: Any) -> None:
        model = FakeModel(("x" * workshop.limits.model_characters, "reasoning"), ("x", ""))
        workshop.agent("golden", asking(model, []))
        events = await workshop.run("golden")
        assert of(events, ModelCompleted)[0].error == "The language model's answer was too long."

    @pytest.mark.parametrize(("parts", "left"), [((), 1), ((("It ", ""),), 0)])
    async def test_a_failure_costs_nothing_if_nothing_had_come(
        self, workshop: Any, parts: tuple[tuple[str, str], ...], left: int
    ) -> None:
        workshop.plans = Plans({}, Plan("", USUAL, RunBudget(run=Bound(usd=Decimal("20")))))
        workshop.prices = {"test-model": Decimal("0.01")}
        workshop.open()
        model, refused = FakeModel(error="The provider is overloaded."), list[str]()
        model.parts = parts

        async def failed(live: LiveAnswer) -> ModelResponse:
            return (await model(live))._replace(usage={})

        async def run(scope: Any) -> AgentResult:
            await scope.framework.model(REQUEST, failed)
            try:
                await scope.framework.model(REQUEST, failed)
            except BudgetRefused as fault:
                refused.append(fault.entry.id)
            return AgentResult("")

        workshop.agent("golden", run)
        await workshop.run("golden")
        assert model.asked == 1 + left, refused

    async def test_a_failure_that_the_framework_encodes_comes_back_as_it_was(self, workshop: Any) -> None:
        seen: list[Any] = []
        model = FakeModel(error="The provider is overloaded.")
        workshop.agent("golden", asking(model, seen))
        events = await workshop.run("golden")
        completed = of(events, ModelCompleted)[0]
        assert (completed.finish_reason, completed.error) == ("error", "The provider is overloaded.")
        await (await workshop.killed_after(events, "user_ada", 6)).ended(events[0].run_id)
        assert model.asked == 1
        assert seen[1].recorded == seen[0].recorded

    async def test_a_fault_is_recorded_by_its_message_and_raised_again(self, workshop: Any) -> None:
        model = FakeModel(fault=ValueError(KEY))
        seen: list[str] = []

        async def run(scope: Any) -> AgentResult:
            try:
                await scope.framework.model(REQUEST, model)
            except DependencyUnavailable as fault:
                seen.append(fault.message)
            await scope.think("after")
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        await (await workshop.killed_after(events, "user_ada", len(events) - 2)).ended(events[0].run_id)
        assert seen == ["The language model failed."] * 2
        assert model.asked == 1

    async def test_another_request_under_the_same_key_ends_the_run(self, workshop: Any) -> None:
        model = FakeModel()
        fingerprints = iter(["f1", "f2"])

        async def run(scope: Any) -> AgentResult:
            await scope.framework.model(REQUEST._replace(fingerprint=next(fingerprints)), model)
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        after = await (await workshop.killed_after(events, "user_ada", 6)).ended(events[0].run_id)
        assert isinstance(after[-1], AgentFailed)
        assert model.asked == 1

    async def test_what_an_agent_breaks_off_it_breaks_off_on_every_replay(self, workshop: Any) -> None:
        asked: list[int] = []

        async def run(scope: Any) -> AgentResult:
            begun = asyncio.Event()

            async def never(live: LiveAnswer) -> ModelResponse:
                asked.append(1)
                begun.set()
                await asyncio.get_running_loop().create_future()
                raise AssertionError

            task = asyncio.ensure_future(scope.framework.model(REQUEST, never))
            if not asked:
                await begun.wait()
            else:
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await scope.think("after")
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert of(events, ModelCompleted)[0].finish_reason == "cancelled"
        after = await (await workshop.killed_after(events, "user_ada", 4)).ended(events[0].run_id)
        assert isinstance(after[-1], AgentCompleted)
        assert asked == [1]

    async def test_a_request_above_the_budget_is_refused_the_same_on_every_replay(self, workshop: Any) -> None:
        workshop.plans = Plans({}, Plan("", USUAL, RunBudget(day=Bound(usd=Decimal("0.000001")))))
        workshop.prices = {"test-model": Decimal("0.01")}
        workshop.open()
        model, seen = FakeModel(), list[str]()

        async def run(scope: Any) -> AgentResult:
            try:
                await scope.framework.model(REQUEST, model)
            except BudgetRefused as refused:
                seen.append(refused.entry.id)
            await scope.think("after")
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        await (await workshop.killed_after(events, "user_ada", len(events) - 2)).ended(events[0].run_id)
        assert (seen, model.asked) == (["budget_exceeded"] * 2, 0)


class TestToolsOfTheServer:
    async def test_they_are_called_with_the_rights_of_the_agent_and_come_redacted(self, workshop: Any) -> None:
        @tool(idempotent=True)
        async def key_of(name: str) -> dict[str, str]:
            """Looks a key up."""
            return {"name": name, "token": KEY}

        @tool(idempotent=True)
        async def other() -> None:
            """Is not listed."""

        workshop.tool(key_of)
        workshop.tool(other)
        seen: list[Any] = []

        async def run(scope: Any) -> AgentResult:
            steps = scope.framework
            seen.append([each.name for each in steps.usable_tools()])
            seen.append(await steps.tool("key_of", {"name": "a"}, provider_call_id="call_1", requested_by="x"))
            seen.append(await steps.tool("other", {}, provider_call_id="call_2", requested_by="x"))
            return AgentResult("", {"ok": [each.ok for each in seen[-2:]]})

        workshop.agent("golden", run, ["key_of"])
        events = await workshop.run("golden")
        assert data_of(events) == {"ok": [True, False]}
        names, found, refused = seen
        assert names == ["key_of"]
        assert found.result["name"] == "a"
        assert KEY not in str(found.result)
        assert refused.error["code"] == "TOOL_NOT_ALLOWED"
        executing = of(events, ToolExecuting)[0]
        assert (executing.provider_call_id, executing.requested_by) == ("call_1", "x")

    async def test_the_model_of_the_server_is_given_if_it_chooses_tools(self, workshop: Any) -> None:
        class Provided:
            name = "provided"

            async def provided(self) -> str:
                return "a model"

        seen: list[Any] = []

        async def run(scope: Any) -> AgentResult:
            provided = scope.framework.model_of_server
            seen.append(None if provided is None else await provided())
            seen.append(scope.framework.model_tokens)
            return AgentResult("")

        workshop.agent("golden", run)
        await workshop.run("golden")
        workshop.answer_with(Provided())
        await workshop.run("golden")
        assert seen == [None, USUAL.model_tokens, "a model", USUAL.model_tokens]


class TestTool:
    @staticmethod
    def calling(
        seen: list[Any], done: list[Any], result: Any = None, **options: Any
    ) -> Callable[[Any], Awaitable[Any]]:
        async def run(scope: Any) -> AgentResult:
            async def call(context: Any, arguments: dict[str, Any]) -> Any:
                done.append((context.user_id, arguments))
                if isinstance(result, BaseException):
                    raise result
                return result

            tool = ForeignTool("pay", "Pays.", call, **options)
            seen.append(
                await scope.framework.tool(
                    tool, {"amount": 7}, provider_call_id="call_9", requested_by=f"{scope.context.run_id}:1"
                )
            )
            return AgentResult("", {"ok": seen[-1].ok})

        return run

    async def test_a_result_is_exact_for_the_agent_and_redacted_for_everybody_else(self, workshop: Any) -> None:
        seen: list[Any] = []
        done: list[Any] = []
        workshop.agent("golden", self.calling(seen, done, {"token": KEY, "n": 1}))
        events = await workshop.run("golden")
        assert seen[0].result == {"token": KEY, "n": 1}
        executing, completed = of(events, ToolExecuting)[0], of(events, ToolCompleted)[0]
        assert (executing.tool, executing.arguments, executing.provider_call_id) == ("pay", {"amount": 7}, "call_9")
        assert executing.requested_by == f"{events[0].run_id}:1"
        assert executing.step == "tool:pay=call_9#1"
        assert completed.result == {"token": "***", "n": 1}
        assert completed.recorded is not None
        await (await workshop.killed_after(events, "user_ada", 4)).ended(events[0].run_id)
        assert (seen[1], len(done)) == (seen[0], 1)

    async def test_what_is_shown_as_it_is_needs_no_blob(self, workshop: Any) -> None:
        seen: list[Any] = []
        workshop.agent("golden", self.calling(seen, [], [1, "two"]))
        events = await workshop.run("golden")
        completed = of(events, ToolCompleted)[0]
        assert (completed.result, completed.recorded, seen[0].result) == ([1, "two"], None, [1, "two"])

    async def test_a_tool_may_show_a_part_of_its_results_alone(self, workshop: Any) -> None:
        seen: list[Any] = []
        whole = {"shown": "yes", "kept": "for the agent"}
        workshop.agent("golden", self.calling(seen, [], whole, shown=lambda result: result["shown"]))
        events = await workshop.run("golden")
        completed = of(events, ToolCompleted)[0]
        assert (completed.result, seen[0].result) == ("yes", whole)
        await (await workshop.killed_after(events, "user_ada", 4)).ended(events[0].run_id)
        assert seen[1] == seen[0]

    async def test_nothing_is_a_result_too(self, workshop: Any) -> None:
        seen: list[Any] = []
        workshop.agent("golden", self.calling(seen, []))
        events = await workshop.run("golden")
        assert (seen[0].ok, seen[0].result) == (True, None)
        assert of(events, ToolCompleted)[0].ok

    async def test_a_tool_may_show_its_results_as_they_are(self, workshop: Any) -> None:
        workshop.agent("golden", self.calling([], [], KEY, redact=False))
        events = await workshop.run("golden")
        assert of(events, ToolCompleted)[0].result == KEY

    async def test_a_result_that_no_event_can_hold_is_the_agents_all_the_same(self, workshop: Any) -> None:
        seen: list[Any] = []
        large = ["x" * 1000] * (workshop.limits.event_bytes // 1000)
        workshop.agent("golden", self.calling(seen, [], large))
        events = await workshop.run("golden")
        assert seen[0].result == large
        assert of(events, ToolCompleted)[0].result.endswith(" bytes)")

    async def test_a_result_that_no_blob_can_hold_is_an_error(self, workshop: Any) -> None:
        seen: list[Any] = []
        workshop.agent("golden", self.calling(seen, [], "x" * (workshop.limits.blob_bytes + 1)))
        await workshop.run("golden")
        assert seen[0].error["code"] == "RESULT_TOO_LARGE"

    @pytest.mark.parametrize("fault", [ValueError("x"), KeyboardInterrupt()])
    async def test_what_its_function_raises_is_an_error_that_the_model_may_read(
        self, workshop: Any, fault: BaseException
    ) -> None:
        seen: list[Any] = []
        workshop.agent("golden", self.calling(seen, [], fault))
        await workshop.run("golden")
        assert seen[0].error["code"] == "TOOL_FAILED"

    async def test_a_result_that_is_not_json_is_an_error(self, workshop: Any) -> None:
        seen: list[Any] = []
        workshop.agent("golden", self.calling(seen, [], object()))
        await workshop.run("golden")
        assert seen[0].error["code"] == "TOOL_FAILED"

    @pytest.mark.parametrize("idempotent", [True, False])
    async def test_a_call_that_was_begun_is_made_again_only_if_it_says_so(
        self, workshop: Any, idempotent: bool
    ) -> None:
        seen: list[Any] = []
        done: list[Any] = []
        workshop.agent("golden", self.calling(seen, done, 1, idempotent=idempotent))
        events = await workshop.run("golden")
        after = await (await workshop.killed_after(events, "user_ada", 3)).ended(events[0].run_id)
        assert len(done) == (2 if idempotent else 1)
        assert (seen[1].error or {}).get("code") == (None if idempotent else "OUTCOME_UNKNOWN")
        assert data_of(after) == {"ok": idempotent}

    @pytest.mark.validation_point("dispatcher.permission")
    async def test_its_user_needs_the_scope_that_it_names(self, workshop: Any) -> None:
        seen: list[Any] = []
        done: list[Any] = []
        workshop.agent("golden", self.calling(seen, done, 1, permission="payments"))
        await workshop.run("golden")
        assert (seen[0].error["code"], done) == ("TOOL_NOT_ALLOWED", [])

    @pytest.mark.validation_point("plan.tool")
    async def test_a_tool_that_its_users_plan_lacks_is_unknown(self, workshop: Any) -> None:
        workshop.plans = Plans({}, Plan("", USUAL, tools=frozenset({"other"})))
        workshop.open()
        seen: list[Any] = []
        done: list[Any] = []
        workshop.agent("golden", self.calling(seen, done, 1))
        await workshop.run("golden")
        assert (seen[0].error["code"], done) == ("UNKNOWN_TOOL", [])

    async def test_a_call_that_asks_for_approval_is_made_with_the_arguments_that_were_approved(
        self, workshop: Any
    ) -> None:
        seen: list[Any] = []
        done: list[Any] = []
        workshop.agent("golden", self.calling(seen, done, 1, approval="It costs money."))
        client = workshop.connect()
        await workshop.ask(client, "golden")
        requested = await client.saw(ApprovalRequested)
        assert (requested.reason, requested.arguments, done) == ("It costs money.", {"amount": 7}, [])
        await workshop.turns.commands.resolve(client, msgspec.structs.replace(word(requested), arguments={"amount": 5}))
        await client.ended(requested.run_id)
        assert done == [("user_ada", {"amount": 5})]
        assert seen[0].result == 1

    async def test_a_call_that_has_a_place_is_known_by_it_and_not_by_the_providers_id(self, workshop: Any) -> None:
        done: list[int] = []

        async def pay(_: object, arguments: dict[str, Any]) -> int:
            done.append(arguments["amount"])
            return len(done)

        async def run(scope: Any) -> AgentResult:
            for branch in ("left", "right"):
                with scope.branch(branch):
                    tool = ForeignTool("pay", "Pays.", pay)
                    await scope.framework.tool(tool, {"amount": 1}, provider_call_id="call_0", is_placed=True)
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert [(each.step, each.provider_call_id) for each in of(events, ToolExecuting)] == [
            ("left.1/tool:pay#1", "call_0"),
            ("right.1/tool:pay#1", "call_0"),
        ]
        assert done == [1, 1]


class TestKept:
    async def test_what_a_framework_keeps_is_there_after_a_crash_and_shown_to_nobody(self, workshop: Any) -> None:
        found: list[list[bytes]] = []

        async def run(scope: Any) -> AgentResult:
            found.append(await scope.framework.kept("checkpoint"))
            if found[-1]:
                scope.framework.pass_over(lambda key: key.startswith("think"))
            else:
                await scope.think("before")
                scope.framework.record("checkpoint", b'{"key":"' + KEY.encode() + b'"}')
                scope.framework.record("checkpoint", b"2")
            await scope.say("on")
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        recorded = of(events, StepRecorded)
        assert [each.step for each in recorded] == ["record:checkpoint#1", "record:checkpoint#2"]
        assert not any(KEY.encode() in encode_event(each) for each in events)
        after = await (await workshop.killed_after(events, "user_ada", 5)).ended(events[0].run_id)
        assert isinstance(after[-1], AgentCompleted)
        assert found == [[], [b'{"key":"' + KEY.encode() + b'"}', b"2"]]

    async def test_what_is_passed_over_has_been_used_and_shown(self, workshop: Any) -> None:
        model = FakeModel()

        async def run(scope: Any) -> AgentResult:
            steps = scope.framework
            if await steps.kept("checkpoint"):
                steps.pass_over(lambda key: True)
            else:
                await scope.think("before")
                await steps.model(REQUEST, model)
                steps.record("checkpoint", b"1")
            await scope.say("on")
            return AgentResult("It is fine.")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        recorded = next(at for at, each in enumerate(events) if isinstance(each, StepRecorded))
        await (await workshop.killed_after(events, "user_ada", recorded + 1)).ended(events[0].run_id)
        end = (await workshop.stored(events[0].run_id))[-1]
        assert model.asked == 1
        assert (end.usage, end.message_id) == (events[-1].usage, events[-1].message_id)
        assert end.usage["output_tokens"] == 4

    async def test_a_request_that_failed_and_is_passed_over_has_no_usage(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            steps = scope.framework
            if await steps.kept("checkpoint"):
                steps.pass_over(lambda key: True)
            else:
                steps.record("checkpoint", b"1")
                await steps.model(REQUEST, FakeModel())
            return AgentResult(str(steps.most_question_bytes))

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        begun = next(at for at, each in enumerate(events) if isinstance(each, ModelStarted))
        await (await workshop.killed_after(events, "user_ada", begun + 1)).ended(events[0].run_id)
        end = (await workshop.stored(events[0].run_id))[-1]
        assert end.result["text"] == str(workshop.limits.ask_bytes)
        assert end.usage["output_tokens"] == 0

    async def test_what_is_recorded_again_under_its_key_is_what_it_was(self, workshop: Any) -> None:
        bodies = iter([b"1", b"2"])

        async def run(scope: Any) -> AgentResult:
            scope.framework.record("checkpoint", next(bodies), key="at/1")
            await scope.think("after")
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        await (await workshop.killed_after(events, "user_ada", 3)).ended(events[0].run_id)
        after = await workshop.stored(events[0].run_id)
        assert len(of(after, StepRecorded)) == 1
        assert isinstance(after[-1], AgentCompleted)


class TestMessages:
    async def test_what_a_run_keeps_of_its_messages_is_there_for_the_next_of_its_thread(self, workshop: Any) -> None:
        kept: list[list[bytes]] = []

        async def run(scope: Any) -> AgentResult:
            earlier = await scope.framework.messages_before(5)
            kept.append([await scope.framework.blob(ref) for ref in earlier.values()])
            assert scope.framework.limits is workshop.limits
            scope.framework.record("messages elsewhere", b'{"name":"messages"}')
            scope.framework.record("checkpoint", b"0")
            scope.framework.keep_messages(msgspec.json.encode([scope.message]))
            async with scope.framework.agent("refunds") as refunds:
                refunds.framework.keep_messages(b"nothing")
            return AgentResult("done")

        workshop.agent("golden", run)
        client = workshop.connect()
        for message in ("one", "two"):
            accepted = await workshop.ask(client, "golden", message, thread_id="thr_1")
            events = await client.ended(accepted.run_id)
        assert kept == [[], [b'["one"]']]
        assert [each.name for each in of(events, StepRecorded)] == ["messages elsewhere", "checkpoint", "messages"]

    async def test_messages_that_are_too_large_are_not_kept(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            scope.framework.keep_messages(b'"' + b"x" * workshop.limits.blob_bytes + b'"')
            return AgentResult("done")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert isinstance(events[-1], AgentCompleted)
        assert of(events, StepRecorded) == []


class TestAgent:
    async def test_what_another_agent_of_the_framework_does_is_shown_as_its(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            async with scope.framework.agent("refunds") as refunds:
                await refunds.think("I look.")
                assert refunds.message == scope.message
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        started = of(events, StepStarted)[0]
        assert (started.kind, started.name) == ("agent", "refunds")
        assert events[3].parent_call_id == started.call_id
        assert of(events, StepFinished)[0].call_id == started.call_id


class TestHidden:
    """A secret that a model says bit by bit."""

    async def test_a_secret_in_two_parts_is_hidden_like_one_in_one(self, workshop: Any, monkeypatch: Any) -> None:
        value = "correct-horse-battery"
        model = FakeModel(("The key is correct-ho", ""), ("rse-batt", ""), ("ery, and corr", ""), ("ect.", ""))

        async def run(scope: Any) -> AgentResult:
            scope._recorder.hide(value)

            async def slowly(live: LiveAnswer) -> ModelResponse:
                for text, kind in model.parts:
                    live.show(text, kind)
                    workshop.clock.advance(s=1)
                return ModelResponse(b'{"text": "' + live.text.encode() + b'"}', {})

            answered = await scope.framework.model(REQUEST, slowly)
            return AgentResult(msgspec.json.decode(answered.recorded)["text"])

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        parts = [each.text for each in of(events, AgentDelta)]
        assert "".join(parts) == "The key is ***, and correct."
        assert events[-1].result["text"] == "The key is ***, and correct."
        assert events[-1].message_id == of(events, ModelStarted)[0].call_id
        assert not any(each in encode_event(event) for event in events for each in (b"correct-ho", b"rse-batt"))
