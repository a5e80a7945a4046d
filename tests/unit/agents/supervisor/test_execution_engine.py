"""An engine carries one run of one user to exactly one end, and tells no more of a fault than an id."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.supervisor.execution_engine import UserExecutionEngine
from netra_backend.app.core.error_catalogue import CATALOGUE
from netra_backend.app.core.errors import DependencyUnavailable, SSotIsolationError
from netra_backend.app.core.events import (
    TERMINAL,
    AgentCancelled,
    AgentCompleted,
    AgentFailed,
    AgentThinking,
    encode_event,
)
from netra_backend.app.core.history import RunRecord
from netra_backend.app.core.journal import Journal
from netra_backend.app.services.user_execution_context import UserExecutionContext


def ends(events: Any) -> list[Any]:
    return [event for event in events if isinstance(event, TERMINAL)]


class TestEnds:
    async def test_a_run_that_ends_well_is_completed_once_with_its_time_and_usage(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            workshop.clock.advance(ms=40)
            return AgentResult("**done**", {"n": 1})

        workshop.agent("golden", run)
        (end,) = ends(await workshop.run("golden"))
        assert isinstance(end, AgentCompleted)
        assert end.result == {"text": "**done**", "data": {"n": 1}}
        assert end.usage == {"input_tokens": 0, "output_tokens": 0, "cost_usd": "0"}
        assert end.elapsed_ms == 40

    async def test_its_time_counts_from_the_request_also_if_it_began_later(
        self, workshop: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            return AgentResult("done")

        execute = UserExecutionEngine.execute

        async def later(self: Any, *given: Any, **named: Any) -> None:
            workshop.clock.advance(s=600)
            await execute(self, *given, **named)

        monkeypatch.setattr(UserExecutionEngine, "execute", later)
        workshop.agent("golden", run)
        (end,) = ends(await workshop.run("golden"))
        assert end.elapsed_ms == 600_000

    async def test_a_fault_of_ours_is_told_by_an_id_that_stands_in_the_log_and_by_nothing_else(
        self, workshop: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            raise ZeroDivisionError("the inner secret")

        workshop.agent("golden", run)
        events = await workshop.run("golden")
        (end,) = ends(events)
        assert isinstance(end, AgentFailed)
        assert (end.error, end.retryable) == ("internal", True)
        assert end.error_id in [getattr(record, "error_id", None) for record in caplog.records]
        told = json.dumps([encode_event(event).decode() for event in events])
        assert "secret" not in told
        assert "ZeroDivision" not in told
        assert "Traceback" not in told
        assert "the inner secret" in caplog.text

    async def test_an_error_of_the_catalogue_is_told_with_its_hint(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            raise DependencyUnavailable("The model is down.", hint="Wait.")

        workshop.agent("golden", run)
        (end,) = ends(await workshop.run("golden"))
        assert (end.error, end.message, end.hint, end.retryable) == (
            "dependency_unavailable",
            "The model is down.",
            "Wait.",
            CATALOGUE["dependency_unavailable"].retryable,
        )

    async def test_an_answer_with_half_a_character_completes_with_it_repaired(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.think("\ud83d")
            return AgentResult("cut \ud83d", {"\ude00": 1})

        workshop.agent("golden", run)
        (end,) = ends(await workshop.run("golden"))
        assert (type(end), end.result) == (AgentCompleted, {"text": "cut \ufffd", "data": {"\ufffd": 1}})

    async def test_an_answer_that_is_too_large_says_so(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            return AgentResult("x" * 600_000)

        workshop.agent("golden", run)
        (end,) = ends(await workshop.run("golden"))
        assert (end.error, end.retryable) == ("payload_too_large", False)

    async def test_an_agent_that_cannot_even_be_made_fails_its_run(self, workshop: Any) -> None:
        class Broken:
            name, description, tools = "broken", "", frozenset[str]()
            made = 0

            def __init__(self) -> None:
                type(self).made += 1
                if self.made > 1:
                    raise ZeroDivisionError("the inner secret")

        workshop.registry.configure(Broken)
        events = await workshop.run("broken")
        assert [type(event).__name__ for event in events] == ["UserMessage", "AgentFailed"]

    async def test_nothing_is_told_of_a_run_that_was_left_to_another_process(
        self, workshop: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.think("on my way")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await scope.think("not yet")
            return AgentResult("")

        workshop.agent("golden", run)
        client = workshop.connect()
        await workshop.ask(client, "golden")
        await client.saw(AgentThinking)
        (active,) = workshop.turns.scheduler.all()
        workshop.turns.scheduler.abandon(active)
        await asyncio.gather(active.task, return_exceptions=True)
        assert [record.message for record in caplog.records] == []

    async def test_a_stopped_run_is_cancelled_whatever_its_agent_says_to_that(self, workshop: Any) -> None:
        async def run(scope: Any) -> AgentResult:
            await scope.think("waiting")
            try:
                await asyncio.Event().wait()
            finally:
                raise ValueError("while it was stopped")

        workshop.agent("golden", run)
        client = workshop.connect()
        accepted = await workshop.ask(client, "golden")
        await client.saw(AgentThinking)
        await workshop.cancel(client, accepted.run_id)
        (end,) = ends(await client.ended(accepted.run_id))
        assert (type(end), end.by) == (AgentCancelled, "user")


class TestOwnership:
    @pytest.mark.validation_point("engine.run")
    async def test_an_engine_runs_no_run_but_its_own(self, workshop: Any) -> None:
        head = workshop.log.create("user_ada", "thr_1", "e", "t", 0)
        context = UserExecutionContext("user_ada", "thr_1", "run_1", "req_1")
        foreign = workshop.log.create("user_bob", "thr_2", "e", "t", 0)

        class Agent:
            name, description, tools = "a", "", frozenset[str]()

            async def run(self, scope: Any) -> AgentResult:
                return AgentResult("")

        async with await workshop.engines.create_for_user(context) as engine:
            for other in (
                RunRecord(head, "run_2", "req_1", "a", None, "UTC", 0),
                RunRecord(foreign, "run_1", "req_1", "a", None, "UTC", 0),
            ):
                seen = ""
                try:
                    await engine.execute(Agent(), other, workshop.services, message="m", journal=Journal("run_1"))
                except SSotIsolationError as refusal:
                    seen = refusal.point.id
                assert seen == "engine.run"
        assert (head.top, foreign.top) == (0, 0)
