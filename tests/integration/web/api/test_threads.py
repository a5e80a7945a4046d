"""Threads over HTTP: listed and searched in pages, read in pages, renamed, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from netra_backend.app.core.blobs import EXACT, Blob
from netra_backend.app.core.errors import LimitRefused
from netra_backend.app.core.limits import Limits
from test_framework.local_runtime import connected_user
from test_framework.served import Serve, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_threads_are_listed_newest_first_in_pages_that_miss_none(served: Served) -> None:
    user = served.user()
    made = [(await served.ran(user, f"question {number}"))["thread_id"] for number in range(5)]
    async with served.http(user) as http:
        everything = (await http.get("/api/threads")).json()["threads"]
        assert {thread["thread_id"] for thread in everything} == set(made)
        seen: list[str] = []
        query: dict[str, str | int] = {"limit": 2}
        while page := (await http.get("/api/threads", params=query)).json()["threads"]:
            seen += [thread["thread_id"] for thread in page]
            query = {"limit": 2, "before": page[-1]["updated_ms"], "before_id": page[-1]["thread_id"]}
        assert seen == [thread["thread_id"] for thread in everything]


async def test_threads_are_found_by_their_title(served: Served) -> None:
    user = served.user()
    await served.ran(user, "Why did Monday cost more?")
    await served.ran(user, "Forecast the month")
    async with served.http(user) as http:
        found = (await http.get("/api/threads", params={"search": "monday"})).json()["threads"]
    assert [thread["title"] for thread in found] == ["Why did Monday cost more?"]


async def test_events_are_read_from_a_position_on(served: Served) -> None:
    user = served.user()
    thread_id = (await served.ran(user))["thread_id"]
    async with served.http(user) as http:
        told = (await http.get(f"/api/threads/{thread_id}/events")).json()
        assert [event["seq"] for event in told["events"]] == list(range(1, told["top"] + 1))
        assert told["events"][-1]["type"] == "agent_completed"
        later = (await http.get(f"/api/threads/{thread_id}/events", params={"after": told["top"] - 1})).json()
        assert later["events"] == told["events"][-1:]
        assert (await http.get(f"/api/threads/{thread_id}/events", params={"after": told["top"]})).json()[
            "events"
        ] == []


async def test_a_title_is_changed_and_its_blanks_are_joined(served: Served) -> None:
    user = served.user()
    thread_id = (await served.ran(user))["thread_id"]
    async with served.http(user) as http:
        renamed = await http.patch(f"/api/threads/{thread_id}", json={"title": "  What \n it costs "})
        assert renamed.json() == {"thread_id": thread_id, "title": "What it costs"}
        assert (await http.get("/api/threads")).json()["threads"][0]["title"] == "What it costs"


@pytest.mark.validation_point("blob.owned")
async def test_a_blob_is_given_to_its_owner_as_a_file_that_a_browser_does_not_run(served: Served) -> None:
    user, other = served.user(), served.user()
    blob = Blob.of(b"<script>alert(1)</script>\xff", "text/html")
    path = f"/api/threads/{await served.with_blob(user, blob)}/blobs/{blob.ref}"
    async with served.http(user) as http, served.http(other) as elsewhere:
        told = await http.get(path)
        assert (told.status_code, told.content) == (200, blob.body)
        assert told.headers["content-type"] == "text/html"
        assert told.headers["content-disposition"] == f'attachment; filename="{blob.ref}"'
        assert told.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in told.headers["content-security-policy"]
        absent = await elsewhere.get(path.replace(blob.ref, "0" * 64))
        foreign = await elsewhere.get(path)
        assert (foreign.status_code, foreign.json()["error"]) == (404, "not_found")
        assert foreign.text.replace(blob.ref, "0" * 64) == absent.text


@pytest.mark.validation_point("blob.owned")
async def test_what_is_kept_for_replays_alone_is_given_to_nobody(served: Served) -> None:
    user = served.user()
    blob = Blob.of(b'{"signature": "x"}', EXACT)
    path = f"/api/threads/{await served.with_blob(user, blob)}/blobs/{blob.ref}"
    async with served.http(user) as http:
        answer = await http.get(path)
        absent = await http.get(path.replace(blob.ref, "0" * 64))
    assert answer.status_code == 404
    assert answer.text.replace(blob.ref, "0" * 64) == absent.text


@pytest.mark.validation_point("blob.size")
async def test_the_operator_bounds_blobs(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(blob_bytes=2000, state_bytes=1024)) as served:
        user = served.user()
        await served.with_blob(user, Blob.of(b"x" * 2000, "text/plain"))
        with pytest.raises(LimitRefused, match="at most 2000 bytes; this one has 2001"):
            await served.with_blob(user, Blob.of(b"x" * 2001, "text/plain"))


@pytest.mark.validation_point("http.title")
@pytest.mark.parametrize("title", ["", " \n ", "x" * 81])
async def test_a_title_that_is_blank_or_long_is_refused(served: Served, title: str) -> None:
    user = served.user()
    thread_id = (await served.ran(user))["thread_id"]
    async with served.http(user) as http:
        refused = await http.patch(f"/api/threads/{thread_id}", json={"title": title})
        assert (refused.status_code, refused.json().get("field")) == (400, "title")
        assert (await http.get("/api/threads")).json()["threads"][0]["title"] == "hello"


async def test_a_title_that_comes_after_its_thread_was_deleted_is_not_kept(served: Served) -> None:
    user = served.user()
    thread_id, title = (await served.ran(user))["thread_id"], served.runtime.mint("title")
    half_sent, deleted = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'{"title": '
        half_sent.set()
        await deleted.wait()
        yield f'"{title}"}}'.encode()

    async with served.http(user) as http, served.http(user) as second:
        renaming = asyncio.create_task(http.patch(f"/api/threads/{thread_id}", content=body()))
        await half_sent.wait()
        assert (await second.delete(f"/api/threads/{thread_id}")).status_code == 200
        deleted.set()
        assert (await renaming).status_code == 404
    stored = b"".join(path.read_bytes() for path in served.runtime.settings.data_dir.glob("events.db*"))
    assert title.encode() not in stored


async def test_a_deleted_thread_is_gone_with_its_runs_and_its_id_stays_taken(served: Served) -> None:
    user, other = served.user(), served.user()
    async with served.running(user, "agent_thinking", agent="patient", thread_id=served.runtime.mint("thr")) as (
        _,
        event,
    ):
        thread_id = event["thread_id"]
        async with served.http(user) as http:
            assert (await http.delete(f"/api/threads/{thread_id}")).json() == {"deleted": thread_id}
            assert (await http.get(f"/api/threads/{thread_id}/events")).status_code == 404
            assert (await http.get(f"/api/runs/{event['run_id']}")).status_code == 404
            assert (await http.get("/api/threads")).json()["threads"] == []
            assert served.runtime.runs.scheduler.of_user(user.id) == []
            rows = (await http.get("/api/audit")).json()["rows"]
            assert ("thread_deleted", {"address": "127.0.0.1", "thread_id": thread_id}) in [
                (row["event"], row["detail"]) for row in rows
            ]
    for claimant in (other, user):
        async with connected_user(served.runtime, claimant.id) as device:
            device.send(type="execute_agent", agent="echo", message="mine?", thread_id=thread_id)
            assert (await device.wire.until("error"))["error"] == "isolation_violation"
