"""The kit's server in a test's own process: it listens, its parts can be looked at, and it ends with its scope."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from test_framework.served import serve


async def test_a_server_listens_while_its_scope_is_open_and_not_after(tmp_path: Path) -> None:
    async with serve(tmp_path / "data", retention_days=3) as served:
        user = served.user("admin")
        async with served.http(user) as http:
            assert (await http.get("/api/me")).json()["scopes"] == ["admin", "usage"]
        assert served.runtime.settings.retention_days == 3
        assert served.http_application.endpoints
        accepted = await served.ran(user, "hello")
        assert (await served.runtime.log.run(accepted["run_id"])) is not None
    async with served.http(None) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("/healthz")


async def test_a_run_that_goes_on_is_shown_by_its_event(tmp_path: Path) -> None:
    async with serve(tmp_path / "data") as served:
        user = served.user()
        async with served.running(user, "agent_thinking", agent="patient") as (_, event):
            assert [active.run.run_id for active in served.runtime.runs.scheduler.of_user(user.id)] == [event["run_id"]]
