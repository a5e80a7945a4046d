"""Steps of an agent's own: performed once, in parallel too, and recorded exactly and unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import OutcomeUnknown, ToolError
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentDelta,
    AgentFailed,
    AgentThinking,
    StepFinished,
    StepStarted,
    encode_event,
)
from test_framework.counted_tool import Counter, adding, codes_of, kinds, uninterrupted

Run = Callable[[Any], Awaitable[AgentResult]]


class Witness:
    """What was really done, outside of the run."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def body(self, name: str, result: Any = None, fault: BaseException | None = None) -> Callable[[], Awaitable[Any]]:
        async def act() -> Any:
            self.done.append(name)
            await asyncio.sleep(0)
            if fault is not None:
                raise fault
            return result

        return act


@pytest.fixture
def witness() -> Witness:
    return Witness()


def data_of(events: list[Any]) -> Any:
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events[-1].result["data"]


class TestStep:
    async def test_a_result_is_recorded_exactly_and_shown_to_nobody(self, workshop: Any, witness: Witness) -> None:
        async def run(scope: Any) -> AgentResult:
            got = await scope.step("look", witness.body("look", {"key": ("sk-secret", 1)}))
            return AgentResult("end", {"got": got})

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert kinds(events)[2:] == ["StepStarted", "StepFinished", "AgentCompleted"]
        assert data_of(events) == {"got": {"key": ["sk-secret", 1]}}
        started, finished = events[2], events[3]
        assert (started.kind, started.name, started.step, started.attempt) == ("step", "look", "step:look#1", 1)
        assert (finished.call_id, finished.ok, finished.error) == (started.call_id, True, None)
        assert b"secret" not in encode_event(finished)
        stored, media = await workshop.log.blob(
            workshop.store.threads[events[0].thread_id].owner, events[0].thread_id, finished.recorded.ref
        )
        assert (stored, media) == (b'{"key":["sk-secret",1]}', "application/json")

    async def test_nothing_is_a_result_too(self, workshop: Any, witness: Witness) -> None:
        async def run(scope: Any) -> AgentResult:
            return AgentResult("", {"got": await scope.step("look", witness.body("look"))})

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert data_of(events) == {"got": None}
        assert events[3].recorded is None

    @pytest.mark.parametrize("idempotent", [True, False])
    @pytest.mark.parametrize("frames", range(1, 8))
    async def test_wherever_it_is_killed_it_is_performed_once_or_its_outcome_is_unknown(
        self, workshop: Any, witness: Witness, frames: int, idempotent: bool
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            first = await scope.step("look", witness.body("look", 1), idempotent=idempotent)
            try:
                second = await scope.step("pay", witness.body("pay", 2), idempotent=idempotent)
            except OutcomeUnknown as unknown:
                second = unknown.code
            return AgentResult("", {"got": [first, second]})

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert len(events) == 7
        witness.done.clear()
        client = await workshop.killed_after(events, "user_ada", frames)
        if frames < 7:
            await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        begun_look, begun_pay = frames == 3, frames == 5
        if begun_look and not idempotent:
            assert isinstance(stored[-1], AgentFailed)
            assert witness.done == []
            return
        assert witness.done == [
            *(["look"] if frames < 4 else []),
            *(["pay"] if frames < 6 and (idempotent or not begun_pay) else []),
        ]
        assert data_of(stored) == {"got": [1, "OUTCOME_UNKNOWN" if begun_pay and not idempotent else 2]}

    async def test_a_fault_is_raised_again_on_every_replay_as_the_same_typed_error(
        self, workshop: Any, witness: Witness
    ) -> None:
        seen: list[Any] = []

        async def run(scope: Any) -> AgentResult:
            for name, fault in (
                ("own", ToolError("NO_SEATS", "Sold out.", "Take the next.")),
                ("other", ValueError("s")),
            ):
                try:
                    await scope.step(name, witness.body(name, fault=fault))
                except ToolError as error:
                    seen.append((error.code, error.message, error.hint))
            await scope.think("after")
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert seen[0] == ("NO_SEATS", "Sold out.", "Take the next.")
        assert seen[1][:2] == ("STEP_FAILED", "other failed (ValueError).")
        client = await workshop.killed_after(events, "user_ada", len(events) - 2)
        await client.ended(events[0].run_id)
        assert seen[2:] == seen[:2]
        assert witness.done == ["own", "other"]

    @pytest.mark.parametrize("fault", [SystemExit(3), KeyboardInterrupt()])
    async def test_a_body_that_would_end_the_process_ends_its_step(
        self, workshop: Any, witness: Witness, fault: BaseException
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ToolError, match="exit failed"):
                await scope.step("exit", witness.body("exit", fault=fault))
            return AgentResult("")

        workshop.agent("golden", run)
        assert isinstance((await workshop.run("golden"))[-1], AgentCompleted)

    async def test_what_is_not_json_is_a_fault_of_the_step(self, workshop: Any, witness: Witness) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ToolError, match="not JSON") as caught:
                await scope.step("look", witness.body("look", object()))
            return AgentResult("", {"code": caught.value.code})

        workshop.agent("golden", run)
        assert data_of(await workshop.run("golden")) == {"code": "RESULT_NOT_JSON"}

    async def test_a_time_limit_ends_an_attempt(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ToolError) as late:
                await scope.step("look", asyncio.Event().wait, timeout_s=0.001, idempotent=True)
            with pytest.raises(OutcomeUnknown):
                await scope.step("pay", asyncio.Event().wait, timeout_s=0.001)
            return AgentResult("", {"code": late.value.code})

        workshop.agent("golden", run)
        assert data_of(await workshop.run("golden")) == {"code": "STEP_TIMEOUT"}

    async def test_a_failed_idempotent_body_is_tried_again_and_each_attempt_is_recorded(
        self, workshop: Any, witness: Witness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("netra_backend.app.agents.supervisor.own_steps._PAUSE_S", 0.0)
        faults = [OSError("one"), OSError("two"), None]

        async def run(scope: Any) -> AgentResult:
            async def body() -> int:
                fault = faults.pop(0)
                if fault is not None:
                    raise fault
                return 7

            return AgentResult("", {"got": await scope.step("look", body, idempotent=True, retry=2)})

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert data_of(events) == {"got": 7}
        attempts = [
            (type(event).__name__, event.attempt) for event in events if isinstance(event, StepStarted | StepFinished)
        ]
        assert attempts == [(kind, attempt) for attempt in (1, 2, 3) for kind in ("StepStarted", "StepFinished")]

    async def test_a_typed_answer_is_not_tried_again(self, workshop: Any, witness: Witness) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ToolError, match="Sold out"):
                await scope.step(
                    "look", witness.body("look", fault=ToolError("NO_SEATS", "Sold out.")), idempotent=True, retry=3
                )
            return AgentResult("")

        workshop.agent("golden", run)
        await workshop.run("golden")
        assert witness.done == ["look"]

    async def test_what_cannot_be_a_step_is_refused_where_it_is_called(self, workshop: Any, witness: Witness) -> None:
        async def run(scope: Any) -> AgentResult:
            body = witness.body("x")
            for name, more in (("", {}), ("x" * 129, {}), ("x", {"key": ""}), ("x", {"retry": 11, "idempotent": True})):
                with pytest.raises(ValueError, match=r"characters|retry is"):
                    scope.step(name, body, **more)
            with pytest.raises(ValueError, match="x is not idempotent"):
                scope.step("x", body, retry=1)

            async def nested() -> None:
                await scope.think("inside")

            with pytest.raises(ToolError, match="outer failed"):
                await scope.step("outer", nested)
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert isinstance(events[-1], AgentCompleted)
        assert AgentThinking not in map(type, events)

    async def test_a_key_of_its_own_finds_a_step_wherever_it_is_taken(self, workshop: Any, witness: Witness) -> None:
        order = ["a", "b"]

        async def run(scope: Any) -> AgentResult:
            got = {name: await scope.step("call", witness.body(name, name), key=name) for name in order}
            await scope.think("after")
            return AgentResult("", got)

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert [event.step for event in events if isinstance(event, StepStarted)] == ["step:call=a#1", "step:call=b#1"]
        order.reverse()
        client = await workshop.killed_after(events, "user_ada", len(events) - 2)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        assert data_of(stored) == {"a": "a", "b": "b"}
        assert witness.done == ["a", "b"]


class TestParallel:
    """Whatever order I/O brings, a branch finds its own steps."""

    @pytest.mark.parametrize("frames", range(1, 16))
    async def test_wherever_it_is_killed_parallel_steps_keep_their_results(
        self, workshop: Any, witness: Witness, frames: int
    ) -> None:
        delays = {"a": 3, "b": 1, "c": 2}

        async def run(scope: Any) -> AgentResult:
            async def line(name: str) -> Any:
                async def body() -> str:
                    for _ in range(delays[name]):
                        await asyncio.sleep(0)
                    witness.done.append(name)
                    return name

                first = await scope.step("work", body, idempotent=True)
                second = await scope.use_tool("add", amount=ord(name))
                return [first, second.result]

            got = await asyncio.gather(*(line(name) for name in "abc"), scope.think("beside"))
            return AgentResult("", {"got": got[:3]})

        async def twice(context: Any, arguments: Any) -> int:
            return 2 * int(arguments.amount)

        workshop.tool(adding(twice))
        workshop.agent("golden", run, ["add"])
        events = await workshop.run("golden")
        assert len(events) == 16
        expected = data_of(events)
        assert [each[0] for each in expected["got"]] == ["a", "b", "c"]
        recorded = [event for event in events[:frames] if isinstance(event, StepFinished)]
        witness.done.clear()
        delays.update(a=1, b=3, c=2)
        client = await workshop.killed_after(events, "user_ada", frames)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        assert data_of(stored) == expected
        assert len(witness.done) == 3 - len(recorded)
        assert sorted(uninterrupted(stored)) == sorted(kinds(events)) or "StepStarted" in kinds(events[:frames])

    async def test_tasks_of_libraries_and_waiting_with_a_limit_shift_no_key(
        self, workshop: Any, witness: Witness
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            noise = [asyncio.create_task(asyncio.sleep(0)) for _ in range(3)]
            await asyncio.wait_for(scope.step("one", witness.body("one")), 10)
            async with asyncio.timeout(10):
                await scope.step("two", witness.body("two"))
            async with asyncio.TaskGroup() as group:
                group.create_task(scope.step("three", witness.body("three")))
            await asyncio.gather(*noise)
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        keys = [event.step for event in events if isinstance(event, StepStarted)]
        assert keys == ["step:one#1", "step:two#1", "step:three#1"]

    async def test_a_branch_may_be_named_by_hand(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            for name in ("left", "right", "left"):
                with scope.branch(name):
                    await scope.think(name)
            await scope.think("outside")
            return AgentResult("")

        workshop.agent("golden", run)
        keys = [event.step for event in await workshop.run("golden") if isinstance(event, AgentThinking)]
        assert keys == ["left.1/think#1", "right.1/think#1", "left.2/think#1", "think#1"]

    async def test_steps_that_act_once_and_are_begun_together_wait_for_one_commit(
        self, workshop: Any, witness: Witness
    ) -> None:
        waited: list[int] = []

        async def run(scope: Any) -> AgentResult:
            await asyncio.gather(*(scope.step(f"pay_{n}", witness.body(f"pay_{n}")) for n in range(5)))
            return AgentResult("")

        workshop.agent("golden", run)
        durable = workshop.log.durable

        async def counting(record: Any) -> None:
            waited.append(record.head.top)
            await durable(record)

        workshop.log.durable = counting
        await workshop.run("golden")
        assert len(waited) == 5
        assert max(waited) - min(waited) <= 4  # all of them wait for the chunk of that loop iteration

    async def test_what_the_agent_broke_off_is_broken_off_again_on_a_replay(
        self, workshop: Any, witness: Witness
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            async def fails() -> None:
                await scope.think("about to fail")
                raise ValueError("as planned")

            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(scope.step("long", asyncio.Event().wait))
                    group.create_task(fails())
            except* ValueError:
                await scope.think("went on")
            await scope.think("end")
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        finished = next(event for event in events if isinstance(event, StepFinished))
        assert (finished.error or {})["code"] == "CANCELLED"
        client = await workshop.killed_after(events, "user_ada", len(events) - 2)
        await client.ended(events[0].run_id)
        assert uninterrupted(await workshop.stored(events[0].run_id)) == kinds(events)

    async def test_a_step_that_was_recorded_and_is_not_asked_for_again_fails_the_run(
        self, workshop: Any, witness: Witness
    ) -> None:
        takes = [True, False]

        async def run(scope: Any) -> AgentResult:
            if takes.pop(0):
                await scope.step("pay", witness.body("pay"))
            await scope.think("end")
            return AgentResult("")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        client = await workshop.killed_after(events, "user_ada", len(events) - 2)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        assert isinstance(stored[-1], AgentFailed)
        assert "it recorded step:pay#1, but has not asked for it again" in stored[-1].message


class TestDelta:
    async def test_text_that_is_no_step_is_streamed_in_its_order(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.delta("a")
            await scope.delta("b")
            await scope.think("then")
            await scope.delta("c")
            return AgentResult("end")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        shown = [
            (type(event).__name__, event.text) for event in events if isinstance(event, AgentDelta | AgentThinking)
        ]
        assert shown == [("AgentDelta", "a"), ("AgentDelta", "b"), ("AgentThinking", "then"), ("AgentDelta", "c")]
        assert {event.call_id for event in events if isinstance(event, AgentDelta)} == {f"{events[0].run_id}:0"}
        client = await workshop.killed_after(events, "user_ada", 5)
        await client.ended(events[0].run_id)
        stored = await workshop.stored(events[0].run_id)
        attempts = [(event.attempt, event.text) for event in stored if isinstance(event, AgentDelta)]
        assert attempts == [(1, "a"), (1, "b"), (2, "a"), (2, "bc")]

    async def test_inside_of_a_step_it_belongs_to_that_step(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            async def body() -> None:
                await scope.delta("working")

            await scope.step("look", body)
            return AgentResult("end")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        delta = next(event for event in events if isinstance(event, AgentDelta))
        assert (delta.call_id, delta.attempt) == (events[2].call_id, 1)

    async def test_text_that_waits_is_shown_soon_without_another_event(self, workshop: Any) -> None:
        gate = asyncio.Event()

        async def run(scope: Any) -> AgentResult:
            await scope.delta("a")
            await scope.delta("b")
            await gate.wait()
            return AgentResult("end")

        workshop.agent("golden", run)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        await client.until(lambda: [event for event in client.events if isinstance(event, AgentDelta)][1:])
        gate.set()
        await client.ended(accepted.run_id)


class TestOtherAgents:
    async def test_an_agent_asks_another_with_the_rights_of_both(self, workshop: Any, witness: Witness) -> None:
        async def inner(scope: Any) -> AgentResult:
            await scope.think(f"inner {scope.message}")
            allowed = await scope.use_tool("add", amount=3)
            refused = await scope.use_tool("pay", amount=3)
            return AgentResult("inner end", {"came": [allowed.ok, refused.error["code"]]})

        async def outer(scope: Any) -> AgentResult:
            result = await scope.run_agent("inner", "hello")
            await scope.think("outer")
            return AgentResult(result.text, result.data)

        counter = Counter()
        workshop.tool(adding(counter))
        workshop.tool(adding(counter, "pay"))
        workshop.agent("inner", inner, ["add", "pay"])
        workshop.agent("golden", outer, ["add"])
        events = await workshop.run("golden")
        assert data_of(events) == {"came": [True, "TOOL_NOT_ALLOWED"]}
        started, thought = events[2], events[3]
        assert (started.kind, started.name, started.step) == ("agent", "inner", "agent:inner#1")
        assert (thought.text, thought.step, thought.parent_call_id) == (
            "inner hello",
            "agent.inner.1/think#1",
            started.call_id,
        )
        assert [event.parent_call_id for event in events if isinstance(event, AgentThinking)] == [started.call_id, ""]
        assert sum(kind in ("AgentCompleted", "AgentFailed", "AgentCancelled") for kind in kinds(events)) == 1
        for frames in range(2, len(events)):
            counter.calls.clear()
            client = await workshop.killed_after(events, "user_ada", frames)
            await client.ended(events[0].run_id)
            stored = await workshop.stored(events[0].run_id)
            assert uninterrupted(stored) == kinds(events)
            assert data_of(stored) == data_of(events)

    async def test_agents_that_ask_each_other_without_end_are_stopped(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            return AgentResult((await scope.run_agent("golden", "again")).text)

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert isinstance(events[-1], AgentFailed)
        assert kinds(events).count("StepStarted") == 7

    async def test_there_is_no_agent_of_that_name(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            return AgentResult((await scope.run_agent("nobody", "hello")).text)

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert (events[-1].error, codes_of(events)) == ("unknown_agent", [])


class TestMessages:
    async def test_all_earlier_messages_are_read_whole(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            told = [(each.role, each.text, each.parts[0]["text"]) async for each in scope.messages]
            return AgentResult(f"answer to {scope.message}", {"told": told, "user": scope.context.user_id})

        workshop.agent("golden", run)
        client = workshop.connect()
        for message in ("one", "two"):
            accepted = await workshop.ask(client, "golden", message, thread_id="thr_1")
            events = await client.ended(accepted.run_id)
        assert events[-1].result["data"] == {
            "told": [["user", "one", "one"], ["agent", "answer to one", "answer to one"]],
            "user": "user_ada",
        }


class TestBeginnings:
    """A run that ends its process each time it is begun is given up; one that waits is not."""

    @pytest.mark.validation_point("run.beginnings")
    async def test_a_run_that_was_begun_three_times_without_getting_further_is_given_up(self, workshop: Any) -> None:
        begun: list[int] = []

        async def run(scope: Any) -> AgentResult:
            await scope.think("so far")
            begun.append(1)
            await asyncio.Event().wait()
            return AgentResult("")

        workshop.agent("golden", run)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        await client.saw(AgentThinking)
        for times in (2, 3):
            await workshop.kill()
            client = workshop.connect()
            await workshop.turns.recovery.take_over()
            await workshop.until(lambda times=times: len(begun) == times)
        await workshop.kill()
        client = workshop.connect()
        await workshop.turns.recovery.take_over()
        events = await client.ended(accepted.run_id)
        assert (events[-1].error, len(begun)) == ("agent_crashed", 3)

    async def test_a_run_that_was_resumed_and_waits_or_is_drained_is_not_given_up(self, workshop: Any) -> None:
        begun: list[int] = []

        async def run(scope: Any) -> AgentResult:
            await scope.think("so far")
            begun.append(1)
            await asyncio.Event().wait()
            return AgentResult("")

        workshop.agent("golden", run)
        client = workshop.connect()
        await workshop.ask(client, "golden")
        await client.saw(AgentThinking)
        for times in range(2, 7):
            await workshop.turns.drain(0)
            await workshop.log.close()
            workshop.open()
            await workshop.turns.recovery.take_over()
            await workshop.until(lambda times=times: len(begun) == times)

    @pytest.mark.parametrize(("code", "compatible", "ends"), [("2", (), True), ("2", ("1",), False), ("1", (), False)])
    @pytest.mark.validation_point("run.code")
    async def test_a_run_goes_on_only_with_code_that_can(
        self, workshop: Any, code: str, compatible: Any, ends: bool
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.think("one")
            await scope.think("two")
            return AgentResult("")

        workshop.agent("golden", run, version="1")
        events = await workshop.run("golden")
        assert events[1].agent_version == "1"
        workshop.agents.clear()
        workshop.registry = type(workshop.registry)()
        workshop.agent("golden", run, version=code, compatible_versions=compatible)
        client = await workshop.killed_after(events, "user_ada", 3)
        await client.ended(events[0].run_id)
        last = (await workshop.stored(events[0].run_id))[-1]
        assert (getattr(last, "error", None) == "agent_changed") == ends

    async def test_the_version_of_an_agents_code_is_its_modules_source_unless_it_says(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            return AgentResult("")

        workshop.agent("golden", run)
        workshop.agent("other", run)
        workshop.agent("own", run, version="7")
        assert workshop.registry.code_of("golden") == workshop.registry.code_of("other") != ""
        assert (workshop.registry.code_of("own"), workshop.registry.code_of("nobody")) == ("7", "")

    @pytest.mark.parametrize("fault", [SystemExit(1), KeyboardInterrupt()])
    @pytest.mark.parametrize("in_task", [True, False])
    async def test_an_agent_that_would_end_the_process_fails_its_run(
        self, workshop: Any, fault: BaseException, in_task: bool
    ) -> None:
        async def exits() -> None:
            raise fault

        async def run(scope: Any) -> AgentResult:
            await (asyncio.create_task(exits()) if in_task else exits())
            return AgentResult("")

        workshop.agent("golden", run)
        assert isinstance((await workshop.run("golden"))[-1], AgentFailed)
