"""The cost report over HTTP: one's own, of the rows that were asked for, bounded, and ended with its user's sign-in."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.limits import Limits
from netra_backend.app.usage.report import Report
from test_framework.served import Serve, Served
from test_framework.users import TestUser

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/api/usage/report"
HEADER = "timestamp,model,input_tokens,output_tokens,team\n"
FILTERS = ("dataset_id", "provider", "model", "team", "feature", "end_user", "operation")


def rows(team: str, days: int = 20) -> str:
    """A request a day in January 2026, in a file of its own for each team."""
    return HEADER + "".join(f"2026-01-{day:02d}T12:00:00Z,gpt-4o,1000,100,{team}\n" for day in range(1, days + 1))


async def brought(served: Served, user: TestUser, *files: str) -> list[str]:
    """Import these files; the ids of their datasets."""
    async with served.http(user) as http:
        answers = [await http.post("/api/usage/datasets", content=file.encode()) for file in files]
    return [answer.json()["dataset_id"] for answer in answers]


async def asked(served: Served, user: TestUser, /, **query: str) -> httpx.Response:
    async with served.http(user) as http:
        return await http.get(PATH, params=query)


async def reported(served: Served, user: TestUser, /, **query: str) -> dict[str, Any]:
    answer = await asked(served, user, **query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_user_gets_the_report_of_the_rows_that_it_brought(served: Served) -> None:
    user = served.user()
    await brought(served, user, rows("search"))
    answer = await asked(served, user)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    report = msgspec.json.decode(answer.content, type=Report)
    assert report == answer.json()
    assert (report["summary"]["requests"], report["summary"]["total_usd"]) == (20, "0.07")
    assert (report["report_version"], report["profile"]["rows"]) == (1, 20)


async def test_it_comes_as_markdown_to_who_accepts_that(served: Served) -> None:
    user = served.user()
    await brought(served, user, rows("search"))
    async with served.http(user, Accept="text/markdown") as http:
        answer = await http.get(PATH)
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.startswith("# Where the money goes")
    assert "**$0.07** at list prices for 20 requests" in answer.text


async def test_another_user_sees_its_own_data_and_nothing_else(served: Served) -> None:
    owner, other, nobody = served.user(), served.user(), served.user()
    (dataset_id,) = await brought(served, owner, rows("a-secret-team"))
    await brought(served, other, rows("plain", days=3))
    assert (await reported(served, owner))["summary"]["requests"] == 20
    assert (await reported(served, other))["summary"]["requests"] == 3
    assert (await asked(served, nobody)).json()["code"] == "NO_DATA"
    for stranger in (other, nobody):
        for query in ({"team": "a-secret-team"}, {"dataset_id": dataset_id}, {"user_id": owner.id}, {"user": owner.id}):
            assert "a-secret-team" not in (await asked(served, stranger, **query)).text
    # Somebody else's dataset answers the same bytes as one that does not exist.
    foreign = await asked(served, other, dataset_id=dataset_id)
    absent = await asked(served, other, dataset_id="data_that_is_not_there")
    assert (foreign.status_code, foreign.content) == (422, absent.content)


async def test_without_data_the_answer_says_how_to_bring_some(served: Served) -> None:
    answer = await asked(served, served.user())
    problem = answer.json()
    assert (answer.status_code, problem["error"], problem["code"]) == (422, "tool_fault", "NO_DATA")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "netra import" in problem["hint"]


async def test_nobody_gets_a_report_without_signing_in(served: Served) -> None:
    async with served.http(None) as http:
        answer = await http.get(PATH)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")


async def test_a_period_and_filters_narrow_the_report(served: Served) -> None:
    user = served.user()
    first, _ = await brought(served, user, rows("search"), rows("ads", days=4))

    async def requests(**query: str) -> int:
        return int((await reported(served, user, **query))["summary"]["requests"])

    assert await requests() == 24
    assert await requests(team="ads") == 4
    assert await requests(dataset_id=first) == 20
    assert await requests(model="gpt-4o") == 24
    assert await requests(**{"from": "2026-01-03", "to": "2026-01-05"}) == 4
    assert await requests(**{"from": "2026-01-03T12:00:00+00:00", "to": "2026-01-05T13:00+01:00"}) == 4
    assert await requests(to="2026-01-02", team="search") == 1
    for name in FILTERS:
        answer = await asked(served, user, **{name: "no-such"})
        assert (answer.status_code, answer.json()["code"]) == (422, "NO_DATA"), name


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("to=2026-02-30", "to"),
        ("from=0001-01-01T00:00%2B14:00", "from"),
        ("from=", "from"),
        *((f"{name}=", name) for name in FILTERS),
        *((f"{name}={'x' * 257}", name) for name in FILTERS),
    ],
)
async def test_a_query_that_does_not_fit_is_refused_with_its_field(served: Served, query: str, field: str) -> None:
    async with served.http(served.user()) as http:
        answer = await http.get(f"{PATH}?{query}")
    assert (answer.status_code, answer.json()["error"], answer.json()["field"]) == (400, "invalid_frame", field)


@pytest.mark.parametrize("name", ["\0", "'; DROP TABLE usage; --", "😀\u202e", "%", "é" * 256])
async def test_a_hostile_name_is_a_name_that_is_not_there(served: Served, name: str) -> None:
    user = served.user()
    await brought(served, user, rows("search", days=1))
    async with served.http(user) as http:
        answer = await http.get(f"{PATH}?team={quote(name)}")
    assert (answer.status_code, answer.json()["code"]) == (422, "NO_DATA")
    assert (await reported(served, user))["summary"]["requests"] == 1


async def test_a_ledger_that_is_away_is_told_as_that(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise DependencyUnavailable("The usage data cannot be opened at the moment.", retry_after_ms=5_000)

    monkeypatch.setattr(served.runtime.ledger, "ask", away)
    answer = await asked(served, served.user())
    assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
    assert answer.headers["retry-after"] == "5"


async def test_a_fault_of_ours_tells_nothing_of_the_inside(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(served.runtime.ledger, "ask", broken)
    answer = await asked(served, served.user())
    assert (answer.status_code, answer.json()["error"]) == (500, "internal")
    assert "secret" not in answer.text


async def test_reports_of_one_user_are_bounded_and_another_users_go_on(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(transfers=1)) as served:
        user, other = served.user(), served.user()
        await brought(served, user, rows("search", days=1))
        await brought(served, other, rows("search", days=1))
        transfer = served.http_application.transfers.begin(served.identity(user))
        refused = await asked(served, user)
        assert (refused.status_code, refused.json()["error"]) == (429, "transfer_limit")
        assert "retry-after" in refused.headers
        assert (await asked(served, other)).status_code == 200
        transfer.close()
        assert (await asked(served, user)).status_code == 200
        assert (await asked(served, user, team="nobody")).status_code == 422
        assert len(served.http_application.transfers) == 0


async def test_a_report_ends_with_the_sign_in_of_its_user(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    user, begun = served.user(), asyncio.Event()

    async def slow(*_: object) -> dict[str, object]:
        begun.set()
        await asyncio.get_running_loop().create_future()
        return {}

    monkeypatch.setattr(served.runtime.ledger, "ask", slow)
    report = asyncio.create_task(asked(served, user))
    await begun.wait()
    await served.runtime.revocations.revoke(user.id, served.runtime.clock.now_ms())
    answer = await report
    assert (answer.status_code, answer.json()["error"]) == (401, "revoked")
    assert len(served.http_application.transfers) == 0
