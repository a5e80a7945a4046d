"""What is said about runs of a process that is alone. Several processes: ``tests/unit/cluster``."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.core.errors import NetraError, NotFound
from netra_backend.app.core.events import AgentCancelled, AgentThinking, ApprovalRequested
from netra_backend.app.core.frames import AnswerQuestion, ResolveApproval
from netra_backend.app.core.limits import Limits
from test_framework.paying import let_pay, word


async def test_a_user_sees_the_calls_that_wait_and_nobody_elses(workshop: Any) -> None:
    let_pay(workshop)
    client = workshop.connect()
    await workshop.ask(client, "golden")
    requested = await client.saw(ApprovalRequested)
    assert [call.approval_id for call in await workshop.turns.commands.approvals("user_ada")] == [requested.approval_id]
    assert await workshop.turns.commands.approvals("user_bob") == []
    await workshop.turns.commands.resolve(client, word(requested))
    await client.ended(requested.run_id)


@pytest.mark.validation_point("answer.schema")
async def test_an_answer_that_is_too_large_for_any_question_is_refused_before_its_question_is_looked_for(
    workshop: Any,
) -> None:
    client, commands = workshop.connect(), workshop.turns.commands
    large: list[dict[str, int]] = [{}] * 21_000
    for sent in (
        commands.answer(client, AnswerQuestion("qst_run_unknown.1", large)),
        commands.resolve(client, ResolveApproval("apr_run_unknown.1", "approve", "hash", arguments={"a": large})),
    ):
        refused = ""
        try:
            await sent
        except NetraError as refusal:
            refused = refusal.entry.id
        assert refused == "invalid_answer"


async def test_a_deleted_thread_is_gone_with_its_runs(workshop: Any, gates: Any) -> None:
    gates.shutting("m0")
    client = workshop.connect()
    for n in range(2):
        await workshop.ask(client, "golden", f"m{n}", thread_id="thr_1")
    await client.saw(AgentThinking)
    await workshop.turns.commands.delete_thread("user_ada", "thr_1")
    with pytest.raises(NotFound):
        await workshop.turns.commands.delete_thread("user_ada", "thr_1")
    assert (len(workshop.turns), workshop.held(), workshop.store.threads["thr_1"].owner) == (0, (0, 0), "")


async def test_all_threads_of_a_user_are_deleted_and_no_others(workshop: Any, gates: Any) -> None:
    for user_id in ("user_ada", "user_ada", "user_bob"):
        client = workshop.connect(user_id)
        await client.ended((await workshop.ask(client, "golden")).run_id)
    assert len(await workshop.turns.commands.delete_user("user_ada", "user")) == 2
    assert {thread.owner for thread in workshop.store.threads.values()} == {"", "user_bob"}


async def test_a_run_that_was_stopped_is_not_stopped_again(workshop: Any, gates: Any) -> None:
    gates.shutting("m0")
    client = workshop.connect()
    accepted = await workshop.ask(client, "golden", "m0")
    await client.saw(AgentThinking)
    workshop.turns.scheduler.stop_user("user_ada", "operator")
    await workshop.cancel(client, accepted.run_id)
    (*_, end) = await client.ended(accepted.run_id)
    assert (type(end), end.by) == (AgentCancelled, "operator")


class TestPatience:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(run_s=60.0)

    async def test_the_time_in_which_a_run_waits_for_its_user_does_not_count(self, workshop: Any) -> None:
        counter = let_pay(workshop)
        client = workshop.connect()
        await workshop.ask(client, "golden")
        requested = await client.saw(ApprovalRequested)
        for _ in range(3):
            workshop.clock.advance(s=59)
            workshop.turns.scheduler.tick(workshop.clock.monotonic())
        await workshop.turns.commands.resolve(client, word(requested))
        await client.ended(requested.run_id)
        assert counter.calls != []


async def test_a_request_that_cannot_be_recorded_behind_others_counts_nowhere(
    workshop: Any, gates: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates.shutting("m0")
    client = workshop.connect()
    await workshop.ask(client, "golden", "m0", thread_id="thr_1")
    with monkeypatch.context() as patched:
        patched.setattr(workshop.pool, "find", lambda _: None)
        with pytest.raises(RuntimeError, match="No active WebSocket connection found"):
            await workshop.ask(client, "golden", "m1", thread_id="thr_1")
    assert (workshop.held(), len(workshop.turns), workshop.log.known("thr_1").pins) == ((1, 0), 1, 1)
    gates.open()


async def test_the_engine_of_a_run_that_waits_is_closed_when_the_run_is_stopped(workshop: Any, gates: Any) -> None:
    gates.shutting("m0")
    client = workshop.connect()
    first, second = [await workshop.ask(client, "golden", f"m{n}", thread_id="thr_1") for n in range(2)]
    assert workshop.engines.get_factory_metrics()["engines_active"] == 2
    await workshop.cancel(client, second.run_id)
    assert workshop.engines.get_factory_metrics()["engines_active"] == 1
    gates.open()
    await client.ended(first.run_id)
    await workshop.until(lambda: workshop.engines.get_factory_metrics()["engines_active"] == 0)


async def test_a_record_of_a_run_keeps_nothing_of_its_request(workshop: Any, gates: Any) -> None:
    """Records are remembered by their keys for a day, long after their connections have gone."""
    client = workshop.connect()
    accepted = await workshop.ask(client, "golden", id="k1")
    await client.ended(accepted.run_id)
    record = workshop.turns._requests._recent.get(("user_ada", "k1"))
    assert record.observer._submitted is None
