"""A run over HTTP: its events, and its result as HTML that can do nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from netra_backend.app.adapters.process.html_renderer import HtmlChild
from netra_backend.app.services.shared_places import SharedPlaces
from test_framework.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_run_is_read_with_all_its_events(served: Served) -> None:
    user = served.user()
    accepted = await served.ran(user)
    async with served.http(user) as http:
        run = (await http.get(f"/api/runs/{accepted['run_id']}")).json()
    assert (run["thread_id"], run["agent"], run["ended"]) == (accepted["thread_id"], "echo", True)
    assert {event["run_id"] for event in run["events"]} == {accepted["run_id"]}
    assert run["events"][0]["type"] == "user_message"
    assert run["events"][-1]["type"] == "agent_completed"


async def test_neither_a_long_run_nor_its_result_is_read_whole(
    serve_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve_with() as served:
        user = served.user()
        accepted = await served.ran(user, "one two three four five")
        log, pages = served.runtime.log, list[int]()

        async def counted(read: Any, *asked: Any) -> AsyncIterator[list[bytes]]:
            async for page in read(*asked):
                for frame in page:
                    pages.append(1)
                    yield [frame]

        for name in ("pages", "run_pages"):
            monkeypatch.setattr(log, name, partial(counted, getattr(log, name)))
        async with served.http(user) as http:
            run = (await http.get(f"/api/runs/{accepted['run_id']}")).json()
            assert [event["seq"] for event in run["events"]] == list(range(1, len(pages) + 1))
            assert len(pages) > 1
            pages.clear()
            assert "</p>" in (await http.get(f"/api/runs/{accepted['run_id']}/html")).text
        assert pages == [1]


async def test_a_result_is_shown_as_html_that_runs_nothing_and_loads_nothing(served: Served) -> None:
    user = served.user()
    text = "# Costs\n\n<script>steal()</script> ![pixel](https://evil.example/x.png)\n\n| a | b |\n|--|--:|\n| 1 | 2 |"
    accepted = await served.ran(user, text)
    async with served.http(user) as http:
        shown = await http.get(f"/api/runs/{accepted['run_id']}/html")
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "<h1>Costs</h1>" in shown.text
    assert '<td class="right">2</td>' in shown.text
    assert "<script" not in shown.text
    assert "<img" not in shown.text


@pytest.mark.validation_point("run.result")
async def test_a_run_that_has_not_ended_or_not_ended_well_has_no_result(served: Served) -> None:
    user = served.user()
    async with (
        served.http(user) as http,
        served.running(user, "agent_thinking", agent="patient") as (device, event),
    ):
        path = f"/api/runs/{event['run_id']}/html"
        assert ((goes_on := await http.get(path)).status_code, goes_on.json().get("field")) == (404, "run_id")
        device.send(type="cancel_run", run_id=event["run_id"])
        await device.wire.until("agent_cancelled")
        assert (await http.get(path)).status_code == 404


async def test_runs_are_listed_in_pages_and_by_thread(served: Served) -> None:
    user = served.user()
    first = await served.ran(user)
    second = await served.ran(user)
    now_ms = served.runtime.clock.now_ms  # what two threads were written within one millisecond has no order in time
    then_ms = now_ms()
    await served.until(lambda: now_ms() > then_ms)
    third = await served.ran(user, thread_id=first["thread_id"])
    async with served.http(user) as http:
        seen: list[str] = []
        following: dict[str, Any] | None = {}
        while following is not None:
            page = (await http.get("/api/runs", params={"limit": 2, **following})).json()
            seen += [run["run_id"] for run in page["runs"]]
            following = page["next"]
        assert seen == [each["run_id"] for each in (third, first, second)]
        of_thread = (await http.get("/api/runs", params={"thread_id": first["thread_id"]})).json()
        assert [run["run_id"] for run in of_thread["runs"]] == [third["run_id"], first["run_id"]]
        assert of_thread["next"] is None
        assert {(run["agent"], run["state"]) for run in of_thread["runs"]} == {("echo", "completed")}


@pytest.mark.validation_point("thread.owned")
async def test_the_runs_of_another_users_thread_answer_as_those_of_no_thread(served: Served) -> None:
    owner, stranger = served.user(), served.user()
    accepted = await served.ran(owner)
    async with served.http(stranger) as http:
        foreign = await http.get("/api/runs", params={"thread_id": accepted["thread_id"]})
        absent = await http.get("/api/runs", params={"thread_id": served.runtime.mint("thr")})
        assert (foreign.status_code, foreign.content) == (404, absent.content)
        assert (await http.get("/api/runs")).json() == {"runs": [], "next": None}


@pytest.mark.validation_point("http.query_number")
@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=-1", "before_seq=x"])
async def test_pages_of_runs_are_bounded(served: Served, query: str) -> None:
    async with served.http(served.user()) as http:
        answer = await http.get(f"/api/runs?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_frame")


async def test_for_a_client_that_has_left_no_result_is_rendered(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = served.user()
    accepted = await served.ran(user)
    begun, go_on, rendered = asyncio.Event(), asyncio.Event(), list[str]()

    async def slow(_: HtmlChild, markdown: str) -> str:
        rendered.append(markdown)
        begun.set()
        await go_on.wait()
        return "made"

    monkeypatch.setattr(HtmlChild, "_rendered", slow)
    places: SharedPlaces = served.runtime.render_html.__self__._quick._places  # type: ignore[attr-defined]
    path = f"/api/runs/{accepted['run_id']}/html"
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAuthorization: Bearer {user.token}\r\n\r\n"
    try:
        async with served.http(user) as http, asyncio.timeout(30):
            first = asyncio.create_task(http.get(path))
            await begun.wait()
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(head.encode())
            await served.until(lambda: len(places) == 2)
            writer.close()
            await served.until(lambda: len(places) == 1)
            go_on.set()
            assert (await first).text == "made"
            assert len(rendered) == 1
    finally:
        go_on.set()
