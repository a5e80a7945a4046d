"""What watches a server: health, readiness by part, metrics."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.web.api.operations import ReadinessProbe
from test_framework.clock import ManualClock
from test_framework.served import Serve, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_server_that_serves_is_healthy_and_ready_with_every_part(served: Served) -> None:
    async with served.http(None) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        told = (await http.get("/readyz")).json()
    parts = dict.fromkeys(("event_log", "usage_ledger", "audit_trail", "audit", "accepting"), "ok")
    assert told == {"status": "ready", "parts": parts}


async def test_a_part_that_is_down_is_named_and_the_server_is_not_ready(
    serve_with: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve_with() as served, served.http(None) as http:
        served.runtime.log.failed = True
        served.runtime.connections.is_draining = True
        told = await http.get("/readyz")
        assert (told.status_code, told.headers["retry-after"]) == (503, "1")
        assert (told.json()["parts"]["event_log"], told.json()["parts"]["accepting"]) == ("down", "down")
        assert told.json()["parts"]["audit_trail"] == "ok"
        served.runtime.connections.is_draining = served.runtime.log.failed = False


async def test_parts_are_looked_at_once_a_second_whoever_asks(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    async def datasets(owner: str) -> list[object]:
        looks.append(owner)
        raise DependencyUnavailable("gone")

    monkeypatch.setattr(served.runtime.ledger, "datasets", datasets)
    runtime = served.runtime
    probe = ReadinessProbe(
        log=runtime.log,
        ledger=runtime.ledger,
        audit=runtime.audit,
        audit_trail=runtime.audit_trail,
        clock=runtime.clock,
        is_draining=lambda: False,
        optional_dependencies={"bus": lambda: False, "limits": lambda: True},
    )
    assert probe.optional_dependencies() == {"bus": "down", "limits": "ok"}
    assert [(await probe.parts())["usage_ledger"] for _ in range(3)] == ["down"] * 3
    assert len(looks) <= 2


async def test_many_who_ask_at_once_share_one_look(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    gate = asyncio.Event()

    async def datasets(owner: str) -> list[object]:
        looks.append(owner)
        await gate.wait()
        return []

    monkeypatch.setattr(served.runtime.ledger, "datasets", datasets)
    runtime = served.runtime
    clock = ManualClock()
    probe = ReadinessProbe(
        log=runtime.log,
        ledger=runtime.ledger,
        audit=runtime.audit,
        audit_trail=runtime.audit_trail,
        clock=clock,
        is_draining=lambda: False,
        optional_dependencies={},
        lasts_s=0.5,
    )
    asking = [asyncio.create_task(probe.parts()) for _ in range(50)]
    await served.until(lambda: looks)
    asking[0].cancel()
    gate.set()
    assert {(await each)["usage_ledger"] for each in asking[1:]} == {"ok"}
    assert len(looks) == 1
    clock.advance(s=0.4)
    await probe.parts()
    assert len(looks) == 1
    clock.advance(s=0.2)
    await probe.parts()
    assert len(looks) == 2


@pytest.mark.validation_point("auth.missing")
async def test_metrics_are_for_who_names_this_machine(served: Served) -> None:
    for host, status in (("rebound.example", 401), ("", 400), (f"localhost:{served.port}", 200), ("[::1]", 200)):
        async with served.http(None, Host=host) as http:
            assert (await http.get("/metrics")).status_code == status


async def test_metrics_are_those_of_the_parts(served: Served) -> None:
    await served.ran(served.user())
    async with served.http(None) as http:
        await http.get("/healthz")
        text = (await http.get("/metrics")).text
    found = {sample.name: sample for family in text_string_to_metric_families(text) for sample in family.samples}
    assert found["netra_runs_started_total"].value >= 1
    assert found["netra_events_total"].value >= 5
    assert found["netra_log_commits_total"].value >= 1
    assert found["netra_connections"].value >= 0
    assert 'netra_http_requests_total{route="health",status="200"}' in text


@pytest.mark.validation_point("auth.missing", "auth.scope")
@pytest.mark.parametrize("settings", [{"public_url": "https://example.org"}, {}])
async def test_metrics_for_who_may_come_from_elsewhere_need_a_scope(
    serve_with: Serve, settings: dict[str, str]
) -> None:
    forwarded = {} if settings else {"X-Forwarded-For": "203.0.113.7"}
    async with serve_with(**settings) as served:
        answers = []
        for user in (None, served.user(), served.user("metrics"), served.user("admin")):
            async with served.http(user, **forwarded) as http:
                answers.append((await http.get("/metrics")).status_code)
    assert answers == [401, 403, 200, 200]


@pytest.mark.validation_point("http.query_number")
@pytest.mark.parametrize("given", ["-1", "x", "1e3", "٣", "9" * 30, ""])
async def test_a_number_that_is_none_is_refused(served: Served, given: str) -> None:
    async with served.http(served.user()) as http:
        refused = await http.get("/api/audit", params={"limit": given})
        assert (refused.status_code, refused.json()["field"]) == (400, "limit")
