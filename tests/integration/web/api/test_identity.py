"""What a server tells of who asks."""

from __future__ import annotations

import pytest

from netra_backend.app.core.limits import Limits
from test_framework.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_user_is_told_who_they_are_what_they_may_and_until_when(served: Served) -> None:
    user = served.user("admin")
    async with served.http(user) as http:
        me = (await http.get("/api/me")).json()
    assert (me["user_id"], me["scopes"]) == (user.id, ["admin", "usage"])
    assert me["expires_at_ms"] > served.runtime.clock.now_ms()
    assert me["limits"] == Limits().told()


async def test_a_user_reads_what_was_refused_to_them_and_nobody_elses(served: Served) -> None:
    user, other = served.user(), served.user()
    async with served.http(user) as http, served.http(other) as others:
        await others.get("/api/runs/run_x1")
        for number in range(3):
            await http.get(f"/api/threads/thr_x{number}/events")
        rows = (await http.get("/api/audit")).json()["rows"]
        assert [(row["event"], row["point"]) for row in rows] == [("refused", "thread.owned")] * 3
        first = (await http.get("/api/audit", params={"limit": 1})).json()["rows"]
        rest = (await http.get("/api/audit", params={"before": first[-1]["id"]})).json()["rows"]
        assert first + rest == rows


async def test_a_ticket_is_issued_for_thirty_seconds_and_recorded(served: Served) -> None:
    async with served.http(served.user()) as http:
        before = served.runtime.clock.now_ms()
        answer = await http.post("/api/tickets")
        assert answer.status_code == 201
        assert 29_000 <= answer.json()["expires_at_ms"] - before <= 40_000
        rows = (await http.get("/api/audit")).json()["rows"]
        assert [row["event"] for row in rows] == ["ticket_issued"]
        assert answer.json()["ticket"] not in str(rows)


@pytest.mark.validation_point("ticket.limit")
async def test_tickets_that_nobody_uses_are_bounded(served: Served) -> None:
    async with served.http(served.user()) as http:
        statuses = [(await http.post("/api/tickets")).status_code for _ in range(17)]
        assert statuses == [201] * 16 + [429]
