"""What happens before and after every endpoint's own work: origin, token, rate; and what a fault becomes."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from netra_backend.app.core.limits import Limits
from test_framework.served import Serve, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.validation_point("auth.missing", "auth.signature", "credentials.query", "credentials.origin")
async def test_a_request_without_a_good_token_or_of_a_foreign_page_is_refused(served: Served) -> None:
    user = served.user()
    async with served.http(None) as http:
        assert (await http.get("/api/me")).json()["error"] == "unauthenticated"
        forged = await http.get("/api/me", headers={"Authorization": f"Bearer {user.token[:-4]}AAAA"})
        assert (forged.status_code, forged.json()["error"]) == (401, "unauthenticated")
        in_query = await http.get("/api/me", params={"token": user.token})
        assert (in_query.status_code, in_query.json()["field"]) == (401, "query")
    async with served.http(user, Origin="https://evil.example") as http:
        foreign = await http.get("/api/me")
        assert (foreign.status_code, foreign.json()["error"]) == (403, "origin_refused")


async def test_a_ticket_for_a_download_opens_one_get_of_its_path_and_nothing_else(served: Served) -> None:
    user = served.user("admin")
    async with served.http(user) as own, served.http(None) as http:

        async def opens(method: str, address: str, path: str = "/api/me") -> tuple[int, str]:
            body = {"purpose": "download", "path": path}
            ticket = (await own.post("/api/tickets", json=body)).json()["ticket"]
            used = f"{address}{'&' if '?' in address else '?'}ticket={ticket}"
            answer, again = await http.request(method, used), await http.request(method, used)
            assert again.status_code == 401
            return answer.status_code, answer.json().get("error", "") if answer.content else ""

        assert await opens("GET", "/api/me") == (200, "")
        assert await opens("GET", "/api/threads?limit=1", "/api/threads?limit=1") == (200, "")
        for method, address in (
            ("GET", "/api/threads"), ("GET", "/api/me?x=1"), ("HEAD", "/api/me"), ("DELETE", "/api/me"), ("POST", "/api/tickets"),
        ):  # fmt: skip
            assert (await opens(method, address))[0] == 401
        assert await opens("GET", "/api/admin/runs", "/api/admin/runs") == (403, "forbidden")


@pytest.mark.validation_point("ticket.purpose")
async def test_a_ticket_for_a_websocket_opens_no_request(served: Served) -> None:
    async with served.http(served.user()) as own, served.http(None) as http:
        for body in (None, {}, {"purpose": "websocket"}):
            ticket = (await own.post("/api/tickets", json=body)).json()["ticket"]
            refused = await http.get("/api/me", params={"ticket": ticket})
            assert (refused.status_code, refused.json()["error"]) == (401, "unauthenticated")


@pytest.mark.validation_point("ticket.path")
@pytest.mark.parametrize(
    "body",
    [{"purpose": "download"}, {"purpose": "download", "path": "/metrics"}, {"purpose": "all"}, {"why": "x"}, []],
)
async def test_a_ticket_for_nothing_known_is_not_made(served: Served, body: Any) -> None:
    async with served.http(served.user()) as http:
        refused = await http.post("/api/tickets", json=body)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_frame")


@pytest.mark.validation_point("limit.requests")
async def test_too_many_requests_of_one_user_are_refused_and_cost_others_nothing(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(request_rate=0.1, request_burst=3)) as served:
        user, other = served.user(), served.user()
        async with served.http(user) as http, served.http(other) as others:
            statuses = [(await http.get("/api/me")).status_code for _ in range(4)]
            assert statuses == [200, 200, 200, 429]
            refused = await http.get("/api/me")
            assert refused.json()["error"] == "rate_limited"
            assert 5 <= int(refused.headers["retry-after"]) <= 10
            assert (await others.get("/api/me")).status_code == 200


ONCE = Limits(anonymous_rate=0.1, anonymous_burst=3)


async def test_the_anonymous_of_one_address_are_slowed_down_and_who_is_signed_in_there_is_not(
    serve_with: Serve,
) -> None:
    async with serve_with(limits=ONCE) as served:
        async with served.http(None) as http:
            forged = {"Authorization": "Bearer forged"}
            statuses = [(await http.get(path)).status_code for path in ("/errors", "/openapi.json")]
            assert statuses == [200, 200]
            assert (await http.get("/api/me", headers=forged)).status_code == 401
            for path in ("/errors", "/api/me"):
                refused = await http.get(path, headers=forged)
                assert (refused.status_code, refused.json()["error"]) == (429, "rate_limited")
                assert 5 <= int(refused.headers["retry-after"]) <= 10
        async with served.http(served.user()) as http:
            assert (await http.get("/api/me")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/page/nothing.js", 404),
        ("PUT", "/api/threads/thr_x1", 405),
        ("OPTIONS", "/api/threads", 204),
    ],
)
async def test_what_leads_nowhere_counts_as_any_other_request_of_a_stranger(
    serve_with: Serve, method: str, path: str, status: int
) -> None:
    async with serve_with(limits=ONCE) as served, served.http(None) as http:
        told = [(await http.request(method, path)).status_code for _ in range(5)]
        assert told == [status] * 3 + [429] * 2
        assert (await http.get("/errors")).status_code == 429
        assert (await http.options("/healthz")).status_code == 204


async def test_what_watches_a_server_is_never_refused(serve_with: Serve) -> None:
    async with serve_with(limits=ONCE) as served, served.http(None) as http:
        for _ in range(5):
            await http.get("/api/me", headers={"Authorization": "Bearer forged"})
        assert (await http.get("/errors")).status_code == 429
        for path in ("/healthz", "/readyz") * 10:
            assert (await http.get(path)).status_code == 200


async def test_a_fault_of_ours_is_told_by_an_id_that_stands_in_the_log_and_by_nothing_else(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Any:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(served.runtime.registry, "describe", broken)
    async with served.http(served.user()) as http:
        with caplog.at_level(logging.ERROR):
            answer = await http.get("/api/agents")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal")
    assert "secret" not in answer.text
    assert answer.json()["error_id"] in [record.__dict__.get("error_id") for record in caplog.records]
