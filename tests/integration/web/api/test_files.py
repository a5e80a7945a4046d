"""Files over HTTP: uploaded within bounds, listed, given back to their owner, deleted, exported."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import closing
from hashlib import sha256
from typing import Any

import httpx
import pytest

from netra_backend.app.core.history import RunRecord
from netra_backend.app.core.limits import Limits
from test_framework.served import Serve, Served
from test_framework.users import TestUser

pytestmark = pytest.mark.asyncio(loop_scope="module")

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2000


async def put(http: httpx.AsyncClient, body: Any = PNG, media: str = "image/png") -> httpx.Response:
    return await http.post("/api/files", content=body, headers={"Content-Type": media})


async def claimed(served: Served, user: TestUser, file_id: str) -> str:
    """The id of a new thread of this user's, a message in which has the file."""
    runtime = served.runtime
    head = await runtime.conversations.claim(user.id, None, "with a file")
    run = RunRecord(head, runtime.mint("run"), runtime.mint("req"), "echo", None, "", runtime.clock.now_ms())
    await runtime.files.claim(user.id, [file_id], head.thread_id, run.run_id)
    runtime.log.append(run, b"{}", ends=True)
    await runtime.log.durable(run)
    return head.thread_id


async def test_a_file_comes_back_as_it_was_sent_as_an_attachment_that_a_browser_does_not_run(served: Served) -> None:
    async with served.http(served.user()) as http:
        told = await put(http, media="Image/PNG; name=x")
        assert told.status_code == 201
        file = told.json()
        assert file == {
            "file_id": file["file_id"],
            "sha256": sha256(PNG).hexdigest(),
            "media": "image/png",
            "bytes": len(PNG),
        }
        answer = await http.get(f"/api/files/{file['file_id']}")
        assert answer.content == PNG
        headers = {name: answer.headers[name] for name in ("content-type", "content-length", "content-disposition")}
        assert headers == {
            "content-type": "image/png",
            "content-length": str(len(PNG)),
            "content-disposition": f'attachment; filename="{file["file_id"]}"',
        }
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
    await served.until(lambda: len(served.http_application.transfers) == 0)


async def test_files_are_listed_and_those_that_no_message_has_can_be_deleted(served: Served) -> None:
    user, other = served.user(), served.user()
    async with served.http(user) as http, served.http(other) as elsewhere:
        word = served.runtime.mint("zq").encode()
        kept, gone = [(await put(http, word, "text/plain")).json()["file_id"] for _ in range(2)]
        await put(elsewhere, word, "text/plain")
        thread_id = await claimed(served, user, kept)
        listed = (await http.get("/api/files")).json()["files"]
        assert {each["file_id"]: each["thread_id"] for each in listed} == {kept: thread_id, gone: None}
        assert (await http.get("/api/files", params={"after": max(kept, gone)})).json() == {"files": []}
        refused = await http.delete(f"/api/files/{kept}")
        assert (refused.status_code, refused.json()["error"]) == (409, "conflict")
        assert (await http.delete(f"/api/files/{gone}")).json() == {"deleted": gone}
        assert (await http.get(f"/api/files/{gone}")).status_code == 404
        assert (await http.delete(f"/api/threads/{thread_id}")).status_code == 200
        assert (await http.get("/api/files")).json() == {"files": []}
    stored = b"".join(path.read_bytes() for path in served.runtime.settings.data_dir.glob("events.db*"))
    assert stored.count(word) == 1  # the other user's


@pytest.mark.validation_point("file.type")
@pytest.mark.parametrize(
    ("body", "media"), [(b"<svg/>", "image/svg+xml"), (b"<p>hello", "image/png"), (PNG, "text/csv")]
)
async def test_a_file_of_another_type_is_refused(served: Served, body: bytes, media: str) -> None:
    async with served.http(served.user()) as http:
        refused = await put(http, body, media)
        assert (refused.status_code, refused.json()["field"]) == (400, "Content-Type")
        assert (await http.get("/api/files")).json() == {"files": []}


async def large() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"x" * 50_000


@pytest.mark.validation_point("file.size")
async def test_a_file_is_bounded_whether_its_size_is_told_or_not(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(file_bytes=100_000)) as served:
        user = served.user()
        for body, status in ((b"x" * 100_001, 413), (large(), 413), (b"x" * 100_000, 201)):
            async with served.http(user) as http:  # a connection of its own: who is refused may lose the one it had
                answer = await put(http, body, "text/plain")
            assert answer.status_code == status
            if status == 413:
                assert answer.json()["error"] == "payload_too_large"
                assert "100,000" in answer.json()["detail"]


@pytest.mark.validation_point("file.room")
async def test_a_users_files_are_bounded_and_another_users_go_on(serve_with: Serve) -> None:
    async with (
        serve_with(limits=Limits(files=2)) as served,
        served.http(served.user()) as http,
        served.http(served.user()) as elsewhere,
    ):
        assert [(await put(http)).status_code for _ in range(3)] == [201, 201, 413]
        assert (await put(elsewhere)).status_code == 201


@pytest.mark.validation_point("file.scan")
async def test_the_operators_command_decides_about_each_file(serve_with: Serve) -> None:
    program = "import sys; sys.exit(b'virus' in sys.stdin.buffer.read())"
    async with (
        serve_with(file_scan_command=(sys.executable, "-c", program)) as served,
        served.http(served.user()) as http,
    ):
        assert (await put(http, b"harmless", "text/plain")).status_code == 201
        refused = await put(http, b"x" * 300_000 + b"a virus", "text/plain")
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_frame")
        assert len((await http.get("/api/files")).json()["files"]) == 1


async def test_files_leave_the_event_log_room_on_the_disk(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(reserved_disk_bytes=1 << 62)) as served, served.http(served.user()) as http:
        refused = await put(http)
        assert (refused.status_code, refused.json()["error"]) == (503, "dependency_unavailable")
        assert (await http.get("/api/files")).json() == {"files": []}


@pytest.mark.validation_point("http.body_idle", "limit.transfers")
async def test_an_upload_is_held_to_the_bounds_of_every_transfer(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(body_idle_s=0.05, transfers=1)) as served:
        user = served.user()
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        head = (
            "POST /api/files HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\n"
            f"authorization: Bearer {user.token}\r\ncontent-length: 10\r\n\r\nx"
        )
        writer.write(head.encode())
        assert b" 408 " in await reader.readline()
        writer.close()
        transfer = served.http_application.transfers.begin(served.identity(user))
        async with served.http(user) as http:
            refused = await put(http)
            assert (refused.status_code, refused.json()["error"]) == (429, "transfer_limit")
            transfer.close()
            file_id = (await put(http)).json()["file_id"]
            transfer = served.http_application.transfers.begin(served.identity(user))
            assert (await http.get(f"/api/files/{file_id}")).status_code == 429
            transfer.close()


async def test_an_upload_that_is_cut_off_leaves_nothing(served: Served) -> None:
    user = served.user()
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = (
        "POST /api/files HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\n"
        f"authorization: Bearer {user.token}\r\ncontent-length: 1000000\r\n\r\n"
    )
    writer.write(head.encode() + b"x" * 600_000)
    await served.until(lambda: len(served.http_application.transfers) == 1)
    writer.close()
    await served.until(lambda: len(served.http_application.transfers) == 0)
    with closing(sqlite3.connect(served.runtime.settings.data_dir / "events.db")) as connection:
        assert connection.execute("SELECT * FROM file WHERE owner = ?", (user.id,)).fetchall() == []
        orphans = "SELECT count(*) FROM file_part WHERE file NOT IN (SELECT id FROM file)"
        assert connection.execute(orphans).fetchone() == (0,)


async def test_files_come_whole_in_an_export_and_only_to_their_owner(served: Served) -> None:
    user, other = served.user(), served.user()
    async with served.http(user) as http, served.http(other) as elsewhere:
        file_id = (await put(http)).json()["file_id"]
        await put(elsewhere, b"not of this user", "text/plain")
        lines = [json.loads(line) for line in (await http.get("/api/me/export")).text.splitlines()]
    (file,) = (line for line in lines if line["kind"] == "file")
    assert (file["file_id"], file["sha256"], file["thread_id"]) == (file_id, sha256(PNG).hexdigest(), None)
    parts = [line for line in lines if line["kind"] == "file_part"]
    assert b"".join(b64decode(part["data"]) for part in parts) == PNG
    assert len(parts) > 1
    assert lines[-1]["counts"] | {"file": 1, "file_part": len(parts)} == lines[-1]["counts"]


async def test_files_are_gone_with_their_user(served: Served) -> None:
    user = served.user()
    word = served.runtime.mint("zq").encode()
    async with served.http(user) as http:
        await put(http, word * 20_000, "text/plain")
        await claimed(served, user, (await put(http, word, "text/plain")).json()["file_id"])
        assert (await http.delete("/api/me")).status_code == 200
    stored = b"".join(path.read_bytes() for path in served.runtime.settings.data_dir.glob("events.db*"))
    assert word not in stored


@pytest.mark.parametrize("ended_by", ["revocation", "deletion"])
async def test_a_download_that_is_ended_does_not_look_whole_and_is_no_error(
    served: Served, caplog: pytest.LogCaptureFixture, ended_by: str
) -> None:
    user = served.user()
    body = b"%PDF-1.7\n" + b"x" * 16_000_000
    async with served.http(user) as http:
        file_id = (await put(http, body, "application/pdf")).json()["file_id"]
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        request = f"GET /api/files/{file_id} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {user.token}\r\n\r\n"
        writer.write(request.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: %d\r\n" % len(body) in head
        if ended_by == "revocation":
            await served.runtime.revocations.revoke(user.id, served.runtime.clock.now_ms())
        else:
            assert (await http.delete(f"/api/files/{file_id}")).status_code == 200
        async with asyncio.timeout(20):
            assert len(await reader.read()) < len(body)
        writer.close()
    await served.until(lambda: len(served.http_application.transfers) == 0)
    assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


@pytest.mark.parametrize("path", ["/api/files", "/api/tickets"])
async def test_a_body_that_is_broken_off_is_no_error_and_no_answer(
    served: Served, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    user = served.user()
    quota = served.runtime.quotas.of(user.id, served.runtime.clock.monotonic())
    answers = dict(served.http_application.requests)
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\nauthorization: Bearer {user.token}\r\n"
    with caplog.at_level("INFO", "netra.access"):
        writer.write(head.encode() + b"content-length: 10000\r\n\r\n{")
        await served.until(lambda: quota.requests == 1)
        writer.close()
        await served.until(lambda: quota.requests == 0)
        await served.until(lambda: [record for record in caplog.records if record.name == "netra.access"])
    (record,) = [record.__dict__ for record in caplog.records if record.name != "asyncio"]
    assert (record["name"], record["status"], record["path"]) == ("netra.access", None, path)
    assert served.http_application.requests == answers
