"""Steps of an agent's own: performed once, and recorded exactly and unseen."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.blobs import EXACT
from netra_backend.app.core.errors import OutcomeUnknown, ToolError
from netra_backend.app.core.events import (
    AgentCompleted,
    AgentFailed,
    AgentThinking,
    StepFinished,
    StepStarted,
    encode_event,
)
from test_framework.counted_tool import kinds


def data_of(events: list[Any]) -> Any:
    assert isinstance(events[-1], AgentCompleted), events[-1]
    return events[-1].result["data"]


class TestStep:
    async def test_a_result_is_recorded_exactly_and_shown_to_nobody(self, workshop: Any, witness: Any) -> None:
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
        assert (stored, media) == (b'{"key":["sk-secret",1]}', EXACT)

    async def test_nothing_is_a_result_too(self, workshop: Any, witness: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            return AgentResult("", {"got": await scope.step("look", witness.body("look"))})

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert data_of(events) == {"got": None}
        assert events[3].recorded is None

    @pytest.mark.parametrize("idempotent", [True, False])
    @pytest.mark.parametrize("frames", range(1, 8))
    async def test_wherever_it_is_killed_it_is_performed_once_or_its_outcome_is_unknown(
        self, workshop: Any, witness: Any, frames: int, idempotent: bool
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
        self, workshop: Any, witness: Any
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
        self, workshop: Any, witness: Any, fault: BaseException
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ToolError, match="exit failed"):
                await scope.step("exit", witness.body("exit", fault=fault))
            return AgentResult("")

        workshop.agent("golden", run)
        assert isinstance((await workshop.run("golden"))[-1], AgentCompleted)

    async def test_what_is_not_json_is_a_fault_of_the_step(self, workshop: Any, witness: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ToolError, match="not JSON") as caught:
                await scope.step("look", witness.body("look", object()))
            return AgentResult("", {"code": caught.value.code})

        workshop.agent("golden", run)
        assert data_of(await workshop.run("golden")) == {"code": "RESULT_NOT_JSON"}

    async def test_a_result_with_a_number_of_too_many_digits_is_named(self, workshop: Any, witness: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ToolError, match="The result of look holds a number of more digits") as caught:
                await scope.step("look", witness.body("look", {10**5_000: 1}))
            return AgentResult("", {"code": caught.value.code})

        workshop.agent("golden", run)
        assert data_of(await workshop.run("golden")) == {"code": "RESULT_TOO_LARGE"}

    @pytest.mark.parametrize(
        ("details", "code"),
        [
            ({"rooms": 10**5_000}, "RESULT_TOO_LARGE"),
            ({10**5_000: 1}, "RESULT_TOO_LARGE"),
            ({"rooms": object()}, "RESULT_NOT_JSON"),
            ({5: 1}, "NO_ROOM"),
        ],
        ids=["a number", "a name", "an object", "a name that is a number"],
    )
    async def test_an_error_whose_details_are_not_json_is_named(
        self, workshop: Any, witness: Any, details: Any, code: str
    ) -> None:
        fault = ToolError("NO_ROOM", "There is no room.", details=details)
        seen: list[ToolError] = []

        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ToolError) as caught:
                await scope.step("look", witness.body("look", fault=fault))
            seen.append(caught.value)
            return AgentResult("", {"code": caught.value.code})

        workshop.agent("golden", run)
        assert data_of(await workshop.run("golden")) == {"code": code}
        assert seen[0].message.startswith("There is no room." if code == "NO_ROOM" else "The error of look ")

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
        self, workshop: Any, witness: Any, monkeypatch: pytest.MonkeyPatch
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

    async def test_a_step_that_the_agent_breaks_off_between_two_attempts_is_broken_off_again(
        self, workshop: Any, witness: Any
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            try:
                async with asyncio.timeout(0.05):  # the pause before the next attempt is longer
                    await scope.step("look", witness.body("look", fault=OSError()), idempotent=True, retry=1)
            except TimeoutError:
                await scope.think("without it")
            return AgentResult("", {})

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        ends = [event.error["code"] for event in events if isinstance(event, StepFinished) and event.error]
        assert ends == ["STEP_FAILED", "CANCELLED"]
        owner = workshop.store.threads[events[0].thread_id].owner
        client = await workshop.killed_after(events, owner, len(events) - 2)
        assert data_of(await client.ended(events[0].run_id)) == {}
        assert witness.done == ["look"]

    async def test_a_typed_answer_is_not_tried_again(self, workshop: Any, witness: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ToolError, match="Sold out"):
                await scope.step(
                    "look", witness.body("look", fault=ToolError("NO_SEATS", "Sold out.")), idempotent=True, retry=3
                )
            return AgentResult("")

        workshop.agent("golden", run)
        await workshop.run("golden")
        assert witness.done == ["look"]

    async def test_what_cannot_be_a_step_is_refused_where_it_is_called(self, workshop: Any, witness: Any) -> None:
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

    async def test_a_key_of_its_own_finds_a_step_wherever_it_is_taken(self, workshop: Any, witness: Any) -> None:
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

    async def test_a_result_that_is_too_large_is_a_recorded_end(self, workshop: Any, witness: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            with pytest.raises(ToolError, match="is too large") as caught:
                await scope.step("look", witness.body("look", "x" * 5_000_000))
            await scope.think("after")
            return AgentResult("", {"code": caught.value.code})

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        assert data_of(events) == {"code": "RESULT_TOO_LARGE"}
        client = await workshop.killed_after(events, "user_ada", 4)
        await client.ended(events[0].run_id)
        assert data_of(await workshop.stored(events[0].run_id)) == {"code": "RESULT_TOO_LARGE"}
        assert witness.done == ["look"]
