"""Budgets over HTTP: one's own to everybody, all users' to operators; and what a plan's users find on a whole server."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from jwt.api_jws import PyJWS

from netra_backend.app.config import DEVELOPMENT
from netra_backend.app.core.budgets import Bound, ModelUse, RunBudget
from netra_backend.app.core.limits import USUAL
from netra_backend.app.core.plans import Plan, Plans
from netra_backend.app.services.budget_days import day_of, end_ms
from test_framework.ids import new_id
from test_framework.local_runtime import KeptWire
from test_framework.served import Serve, Served
from test_framework.users import TestUser

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUDGET = RunBudget(Bound(tokens=500), Bound(Decimal("0.50"), 1000), Bound(Decimal(5)), "Europe/Berlin")
FREE = Plan("free", replace(USUAL, connections=1), BUDGET, frozenset({"echo"}), frozenset({"repeat"}))
PLANS = Plans({"free": FREE}, Plan("", USUAL))


def planned(served: Served, plan: str) -> TestUser:
    """A new user whose token names this plan."""
    key = bytes.fromhex((served.runtime.settings.data_dir / "development.key").read_text())
    user_id, now = new_id("user"), served.runtime.clock.now_ms() / 1000
    claims = {"sub": user_id, "iss": DEVELOPMENT.issuer, "iat": now, "exp": now + 600, "jti": "t", "plan": plan}
    return TestUser(user_id, PyJWS().encode(json.dumps(claims).encode(), key))


async def spend(served: Served, user: TestUser, usd: str = "0.25", tokens: int = 300) -> None:
    now_ms = served.runtime.clock.now_ms()
    use = ModelUse(
        user.id, f"{new_id('run')}:1", 1, now_ms, day_of(now_ms, BUDGET.timezone), "m", Decimal(usd), tokens, 0
    )
    await served.runtime.budgets.store.settle(replace(use, is_settled=True))


async def test_a_user_sees_the_budget_and_what_is_spent_of_it(serve_with: Serve) -> None:
    async with serve_with(plans=PLANS) as served:
        user = planned(served, "free")
        await spend(served, user)
        async with served.http(user) as http:
            told = (await http.get("/api/budget")).json()
        now_ms = served.runtime.clock.now_ms()
        assert told == {
            "plan": "free",
            "timezone": "Europe/Berlin",
            "run": {"most_usd": None, "most_tokens": 500},
            "day": {
                "spent_usd": "0.25",
                "spent_tokens": 300,
                "most_usd": "0.5",
                "most_tokens": 1000,
                "ends_at_ms": end_ms("day", now_ms, BUDGET.timezone),
            },
            "month": {
                "spent_usd": "0.25",
                "spent_tokens": 300,
                "most_usd": "5",
                "most_tokens": None,
                "ends_at_ms": end_ms("month", now_ms, BUDGET.timezone),
            },
        }


async def test_without_plans_it_tells_what_was_spent_and_no_bounds(served: Served) -> None:
    user = served.user()
    async with served.http(user) as http:
        told = (await http.get("/api/budget")).json()
    assert (told["plan"], told["timezone"], told["run"]) == ("", "UTC", {"most_usd": None, "most_tokens": None})
    assert (told["day"]["spent_usd"], told["month"]["most_usd"]) == ("0", None)


async def test_an_operator_sees_who_spent_most(served: Served) -> None:
    small, large, operator = served.user(), served.user(), served.user("admin")
    await spend(served, small, "0.000000000001")
    await spend(served, large, "7")
    async with served.http(operator) as http:
        told = (await http.get("/api/admin/budgets")).json()
        assert (await http.get("/api/admin/budgets", params={"month": "2001-01-31"})).json() == {
            "month": "2001-01",
            "users": [],
        }
        assert (await http.get("/api/admin/budgets", params={"month": "soon"})).status_code == 400
    mine = [(each["user_id"], each["usd"]) for each in told["users"] if each["user_id"] in (small.id, large.id)]
    assert mine == [(large.id, "7"), (small.id, "0.000000000001")]
    async with served.http(small) as http:
        assert (await http.get("/api/admin/budgets")).status_code == 403


async def test_it_is_in_the_export_and_goes_with_the_user_but_a_spent_budget_does_not_come_back(served: Served) -> None:
    user = served.user()
    await spend(served, user)
    async with served.http(user) as http:
        lines = [json.loads(line) for line in (await http.get("/api/me/export")).text.splitlines()]
        (use,) = [line for line in lines if line["kind"] == "model_use"]
        assert (use["usd"], use["input_tokens"], use["settled"]) == ("0.25", 300, True)
        assert (await http.delete("/api/me")).status_code == 200
    assert await served.runtime.budgets.uses(user.id, ("", 0)) == []
    assert (await served.runtime.budgets.spent(user.id, BUDGET)).day.usd == Decimal("0.25")


async def test_users_of_a_plan_find_its_agents_and_tools_and_no_others(serve_with: Serve) -> None:
    async with serve_with(plans=PLANS) as served:
        for plan, agents, tools in (("free", {"echo"}, {"repeat"}), ("", {"cost_optimizer"}, {"price_lookup"})):
            async with served.http(planned(served, plan)) as http:
                told: list[dict[str, Any]] = (await http.get("/api/agents")).json()["agents"]
                names = {agent["name"] for agent in told}
                found = {tool["name"] for tool in (await http.get("/api/tools")).json()["tools"]}
            if plan:
                assert (names, found, told[0]["tools"]) == (agents, tools, ["repeat"])
            else:
                assert agents < names
                assert tools < found


async def test_a_user_is_told_the_limits_of_the_plan(serve_with: Serve) -> None:
    async with serve_with(plans=PLANS) as served:
        for plan, connections in (("free", 1), ("", USUAL.connections)):
            async with served.http(planned(served, plan)) as http:
                assert (await http.get("/api/me")).json()["limits"]["connections"] == connections
        user = planned(served, "free")
        runtime, wire = served.runtime, KeptWire()
        manager = await runtime.managers.create_websocket_manager(user.id, runtime.mint("thr"), runtime.mint("conn"))
        connection = runtime.connections.open(manager, wire, await runtime.authentication.verify(user.token))
        assert (await wire.until("connected"))["limits"]["connections"] == 1
        runtime.connections.closed(connection)


async def test_a_token_that_names_no_plan_of_the_server_signs_nobody_in(serve_with: Serve) -> None:
    async with serve_with(plans=PLANS) as served, served.http(planned(served, "gold")) as http:
        refused = await http.get("/api/me")
        assert (refused.status_code, refused.json()["error"], refused.json()["field"]) == (
            401,
            "unauthenticated",
            "plan",
        )
