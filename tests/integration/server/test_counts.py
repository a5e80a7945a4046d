"""What a server counts is what has happened, and what there is."""

from __future__ import annotations

import pytest

from test_framework.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_run_is_counted_by_every_part_that_it_went_through(served: Served) -> None:
    before = served.http_application.counts.totals()
    accepted = await served.ran(served.user())
    after = served.http_application.counts.totals()
    grown = {name: after[name] - before[name] for name in after}
    async with served.http(served.user()) as http:
        assert (await http.get(f"/api/runs/{accepted['run_id']}")).status_code == 404
    assert (grown["runs_started"], grown["engines_created"], grown["dispatchers_created"]) == (1, 1, 1)
    assert grown["events"] == grown["events_delivered"] == 6
    assert grown["connections_accepted"] == 1
    assert 1 <= grown["log_commits"] <= grown["log_rows"] <= 6
    assert served.http_application.counts.totals()["refusals"] == after["refusals"] + 1


async def test_what_there_is_is_told_as_it_is(served: Served) -> None:
    user = served.user()
    before = served.http_application.counts.gauges()
    async with served.running(user, "agent_thinking", agent="patient") as (device, event):
        device.send(type="execute_agent", agent="echo", message="next", thread_id=event["thread_id"])
        await device.wire.until("run_queued")
        now = served.http_application.counts.gauges()
        assert now["connections"] == before["connections"] + 1
        assert (now["runs"], now["runs_queued"]) == (before["runs"] + 1, before["runs_queued"] + 1)
        assert (now["draining"], now["outbox_bytes"]) == (0, 0)
        served.runtime.runs.scheduler.stop_user(user.id, "user")


async def test_a_question_and_an_import_are_counted_by_the_ledger(served: Served) -> None:
    before = served.http_application.counts.totals()
    csv = b"timestamp,model,input_tokens,output_tokens\n2026-01-05T00:00:00Z,gpt-4o,1000,100\n"
    user = served.user()
    async with served.http(user) as http:
        await http.post("/api/usage/datasets", content=csv)
    await served.runtime.ledger.ask(user.id, "data_profile", {})
    after = served.http_application.counts.totals()
    assert after["ledger_imports"] == before["ledger_imports"] + 1
    assert after["ledger_questions"] == before["ledger_questions"] + 1
