"""HTTP of one server: what it removes at its start, what goes on beside its endpoints, and what it counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.config import Settings
from netra_backend.app.server.http_application import HttpApplication
from netra_backend.app.wiring import open_runtime
from test_framework.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_it_removes_what_a_killed_process_left_of_uploads(tmp_path: Path) -> None:
    async with open_runtime(Settings(data_dir=tmp_path / "data")) as runtime:
        left = runtime.scratch / "upload-left"
        left.write_text("x")
        http = HttpApplication(runtime)
        assert not left.exists()
        await http.close()


async def test_every_endpoint_of_every_group_is_there_once(served: Served) -> None:
    made = served.http_application.endpoints
    groups = {endpoint.group for endpoint in made}
    assert groups >= {"me", "threads", "runs", "agents", "tools", "approvals", "usage", "admin", "metrics", "tickets"}
    assert len({(endpoint.method, endpoint.path) for endpoint in made}) == len(made)


async def test_a_revoked_user_has_no_transfer_any_more(served: Served) -> None:
    user, runtime = served.user(), served.runtime
    transfer = served.http_application.transfers.begin(served.identity(user))
    await runtime.revocations.revoke(user.id, runtime.clock.now_ms())
    assert transfer.is_ended
    transfer.close()


async def test_a_tick_samples_the_rates_that_operators_are_shown(served: Served) -> None:
    http: Any = served.http_application
    for second in (1e9, 1e9 + 1):
        http.tick(second)
    async with served.http(served.user("admin")) as client:
        rates = (await client.get("/api/admin/rates")).json()
    assert set(rates["per_second"]) == set(rates["totals"]) == set(http.counts.totals())


async def test_what_it_counts_of_its_answers_stands_in_the_metrics(served: Served) -> None:
    async with served.http(served.user()) as client:
        await client.get("/api/runs/run_x1")
    async with served.http(None) as client:
        shown = (await client.get("/metrics")).text
    count = served.http_application.requests["readRun", 404]
    assert f'netra_http_requests_total{{route="readRun",status="404"}} {float(count)}' in shown
