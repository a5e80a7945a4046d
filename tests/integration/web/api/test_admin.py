"""What operators see and do."""

from __future__ import annotations

import pytest

from netra_backend.app.core.validation import CATALOGUE
from test_framework.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_operators_see_live_connections_and_runs_of_all_users(served: Served) -> None:
    user = served.user()
    async with (
        served.http(served.user("admin")) as http,
        served.running(user, "agent_thinking", agent="patient") as (device, event),
    ):
        told = (await http.get("/api/admin/connections")).json()
        (mine,) = [each for each in told["connections"] if each["user_id"] == user.id]
        assert mine["connection_id"] == device.connection.connection_id
        assert told["total"] == len(told["connections"])
        device.send(type="execute_agent", agent="echo", message="next", thread_id=event["thread_id"])
        await device.wire.until("run_queued")
        runs = [each for each in (await http.get("/api/admin/runs")).json()["runs"] if each["user_id"] == user.id]
        assert [(run["agent"], run["state"]) for run in runs] == [("patient", "running"), ("echo", "queued")]


async def test_operators_see_limits_and_what_there_is(served: Served) -> None:
    async with served.http(served.user("admin")) as http:
        told = (await http.get("/api/admin/limits")).json()
    assert told["limits"]["connections"] == served.runtime.settings.limits.connections
    assert told["now"]["draining"] == 0


async def test_operators_see_refusals_by_validation_point(served: Served) -> None:
    async with served.http(served.user("admin")) as http:
        for _ in range(3):
            await http.get("/api/runs/run_x1")
        told = (await http.get("/api/admin/refusals")).json()
    counts = {each["point"]: each for each in told["refusals"]}
    assert counts["run.owned"]["count"] >= 3
    assert counts["run.owned"]["guards"] == CATALOGUE["run.owned"].guards
    assert told["total"] == sum(each["count"] for each in told["refusals"])


async def test_operators_see_how_often_things_happen(served: Served) -> None:
    await served.ran(served.user())
    async with served.http(served.user("admin")) as http:
        told = (await http.get("/api/admin/rates")).json()
    assert told["totals"]["runs_started"] >= 1
    assert set(told["per_second"]) in (set(), set(told["totals"]))


async def test_a_revoked_user_is_out_at_once_with_runs_and_connections(served: Served) -> None:
    user, operator = served.user(), served.user("admin")
    async with (
        served.http(operator) as http,
        served.http(user) as theirs,
        served.running(user, "agent_thinking", agent="patient") as (device, _),
    ):
        told = await http.post(f"/api/admin/users/{user.id}/revoke")
        assert told.json()["revoked"] == user.id
        assert device.wire.closed == (4503, "revoked")
        assert (await theirs.get("/api/me")).json()["error"] == "revoked"
        again = served.users.token_for(user.id)
    async with served.http(again) as http:
        rows = (await http.get("/api/audit")).json()["rows"]
        assert ("revoked", {"by": operator.id}) in [(row["event"], row["detail"]) for row in rows]
        assert served.runtime.runs.scheduler.of_user(user.id) == []


@pytest.mark.validation_point("id.placeholder")
async def test_what_is_no_user_id_cannot_be_revoked(served: Served) -> None:
    async with served.http(served.user("admin")) as http:
        refused = await http.post("/api/admin/users/placeholder_user/revoke")
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_context")
