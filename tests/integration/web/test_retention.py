"""Retention over the real log and ledger: what is old goes, with its files, and what is young stays."""

from __future__ import annotations

import pytest

from netra_backend.app.server.housekeeping import DAY_MS, Housekeeping
from netra_backend.app.server.runtime import Runtime
from netra_backend.app.services.run_budgets import RunBudgets
from netra_backend.app.usage.request_price import request_price
from test_framework.clock import ManualClock
from test_framework.served import Serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

CSV = b"timestamp,model,input_tokens,output_tokens\n2026-01-05T00:00:00Z,gpt-4o,1000,100\n"


def housekeeping(runtime: Runtime, days: int, kept: int) -> Housekeeping:
    """That of this server, so many days later."""
    clock = ManualClock(runtime.clock.now_ms() + days * DAY_MS)
    return Housekeeping(
        clock=clock,
        log=runtime.log,
        ledger=runtime.ledger,
        audit=runtime.audit,
        files=runtime.files,
        budgets=RunBudgets(runtime.budgets.store, clock, request_price),
        secrets=runtime.secrets,
        mcp_servers=runtime.mcp_servers,
        retention_days=kept,
        audit_retention_days=kept,
    )


async def test_threads_and_datasets_go_when_their_days_are_over_and_not_before(serve_with: Serve) -> None:
    async with serve_with(retention_days=30) as served:
        user, runtime = served.user(), served.runtime
        accepted = await served.ran(user)
        async with served.http(user) as http:
            assert (await http.post("/api/usage/datasets", content=CSV)).status_code == 200
            assert (await runtime.ledger.ask(user.id, "data_profile", {}))["rows"] == 1
            for days, gone in ((29, (0, 0)), (31, (1, 1)), (31, (0, 0))):
                assert await housekeeping(runtime, days, kept=30).remove_old() == gone
            assert (await http.get("/api/threads")).json() == {"threads": []}
            assert (await http.get(f"/api/runs/{accepted['run_id']}")).status_code == 404
            assert (await http.get("/api/usage/datasets")).json() == {"datasets": []}
            # Nor does the child that answered before still know it.
            assert (await runtime.ledger.ask(user.id, "data_profile", {}))["rows"] == 0
        assert not list(runtime.settings.data_dir.glob("usage/*/data_*"))


async def test_a_run_that_goes_on_keeps_its_thread(serve_with: Serve) -> None:
    async with serve_with(retention_days=1) as served:
        user, runtime = served.user(), served.runtime
        async with served.running(user, "agent_thinking", agent="patient") as (_, event):
            assert await housekeeping(runtime, 9, kept=1).remove_old() == (0, 0)
            assert await runtime.log.run(event["run_id"]) is not None
