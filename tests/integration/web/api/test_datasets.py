"""Usage data over HTTP: imported whole or not at all, bounded, and ended with its user's sign-in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from netra_backend.app.core.limits import Limits
from test_framework.served import Serve, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

CSV = b"timestamp,model,input_tokens,output_tokens\n2026-01-05T00:00:00Z,gpt-4o,1000,100\n"
PATH = "/api/usage/datasets"
AS_LINES = {"Accept": "application/x-ndjson"}


def lines_of(answer: httpx.Response) -> list[dict[str, object]]:
    return [json.loads(line) for line in answer.text.splitlines()]


def leftovers(served: Served) -> list[str]:
    return [path.name for path in served.runtime.settings.data_dir.glob("upload-*")]


async def test_a_file_is_imported_listed_once_and_deleted(served: Served) -> None:
    async with served.http(served.user()) as http:
        told = (await http.post(PATH, content=CSV, params={"name": "march.csv"})).json()
        assert (told["name"], told["accepted"], told["already_imported"]) == ("march.csv", 1, False)
        assert (await http.post(PATH, content=CSV, params={"name": "march.csv"})).json()["already_imported"]
        (listed,) = (await http.get(PATH)).json()["datasets"]
        assert listed["dataset_id"] == told["dataset_id"]
        assert (await http.delete(f"{PATH}/{told['dataset_id']}")).json() == {"deleted": told["dataset_id"]}
        assert (await http.get(PATH)).json() == {"datasets": []}
    assert leftovers(served) == []


async def test_the_progress_of_an_import_is_told_in_lines(served: Served) -> None:
    async with served.http(served.user()) as http:
        lines = lines_of(await http.post(PATH, content=CSV, headers=AS_LINES))
    assert list(lines[-1]) == ["dataset"]
    assert all(set(line) == {"done", "total"} for line in lines[:-1])


async def test_options_and_mappings_come_in_the_query(served: Served) -> None:
    strange = b"when,which,in,out\n2026-01-05T00:00:00Z,gpt-4o,1000,100\n"
    query = [("map", "ts=when"), ("map", "model=which"), ("map", "input_tokens=in"), ("map", "output_tokens=out")]
    async with served.http(served.user()) as http:
        told = (await http.post(PATH, content=strange, params=[*query, ("preview", "1"), ("name", "t.csv")])).json()
        assert told["mapping"]["ts"] == "when"
        assert "dataset_id" not in told
        assert (await http.get(PATH)).json() == {"datasets": []}


async def test_a_file_that_is_no_usage_is_refused_as_a_problem_and_leaves_nothing(served: Served) -> None:
    async with served.http(served.user()) as http:
        refused = await http.post(PATH, content=b"\x00\x01\x02" * 100)
        assert (refused.status_code, refused.json()["error"]) == (422, "tool_fault")
        assert refused.json()["code"] in ("UNSUPPORTED_FORMAT", "BAD_ROWS")
        lines = lines_of(await http.post(PATH, content=b"\x00\x01\x02" * 100, headers=AS_LINES))
        assert lines[-1]["problem"]["code"] == refused.json()["code"]  # type: ignore[index]
        assert (await http.get(PATH)).json() == {"datasets": []}
    assert leftovers(served) == []


async def test_a_fault_of_ours_in_an_import_is_told_in_its_last_line(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(served.runtime.ledger, "import_usage", broken)
    async with served.http(served.user()) as http:
        (line,) = lines_of(await http.post(PATH, content=CSV, headers=AS_LINES))
    assert line["problem"]["error"] == "internal"  # type: ignore[index]
    assert "secret" not in str(line)


async def parts_of_a_large_file() -> AsyncIterator[bytes]:
    for _ in range(4):
        yield b"x" * 50_000


@pytest.mark.validation_point("http.body_size")
async def test_an_upload_is_bounded_whether_it_tells_its_size_or_not(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(upload_bytes=100_000)) as served, served.http(served.user()) as http:
        declared = await http.post(PATH, content=b"x" * 100_001)
        assert (declared.status_code, declared.json()["error"]) == (413, "payload_too_large")
        streamed = await http.post(PATH, content=parts_of_a_large_file())
        assert (streamed.status_code, streamed.json()["error"]) == (413, "payload_too_large")
        assert leftovers(served) == []


async def test_uploads_leave_the_event_log_room_on_the_disk(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(reserved_disk_bytes=1 << 62)) as served:
        async with served.http(served.user()) as http:
            refused = await http.post(PATH, content=CSV)
        assert (refused.status_code, refused.json()["error"]) == (503, "dependency_unavailable")
        assert leftovers(served) == []


@pytest.mark.validation_point("http.body_idle")
async def test_an_upload_that_stalls_is_ended(serve_with: Serve) -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.get_running_loop().create_future()

    async with serve_with(limits=Limits(body_idle_s=0.05)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        user = served.user()
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {user.token}\r\ncontent-length: 10\r\n\r\nx"
        writer.write(head.encode())
        status = await reader.readline()
        writer.close()
        assert b" 408 " in status
        assert leftovers(served) == []


@pytest.mark.validation_point("limit.transfers")
async def test_uploads_of_one_user_are_bounded_and_another_users_go_on(serve_with: Serve) -> None:
    async with serve_with(limits=Limits(transfers=1)) as served:
        user, other = served.user(), served.user()
        transfer = served.http_application.transfers.begin(served.identity(user))
        async with served.http(user) as http, served.http(other) as others:
            refused = await http.post(PATH, content=CSV)
            assert (refused.status_code, refused.json()["error"]) == (429, "transfer_limit")
            assert "retry-after" in refused.headers
            assert (await others.post(PATH, content=CSV)).status_code == 200
            transfer.close()
            assert (await http.post(PATH, content=CSV)).status_code == 200
        assert len(served.http_application.transfers) == 0


@pytest.mark.validation_point("transfer.ended")
async def test_an_upload_ends_with_the_sign_in_of_its_user(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    user, begun = served.user(), asyncio.Event()

    async def slow(*_: object) -> dict[str, object]:
        begun.set()
        await asyncio.get_running_loop().create_future()
        return {}

    monkeypatch.setattr(served.runtime.ledger, "import_usage", slow)
    async with served.http(user) as http:
        upload = asyncio.create_task(http.post(PATH, content=CSV))
        await begun.wait()
        await served.runtime.revocations.revoke(user.id, served.runtime.clock.now_ms())
        answer = await upload
    assert (answer.status_code, answer.json()["error"]) == (401, "revoked")
    assert leftovers(served) == []


async def test_a_client_that_goes_away_ends_its_import(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow(*_: object) -> dict[str, object]:
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()
        return {}

    monkeypatch.setattr(served.runtime.ledger, "import_usage", slow)
    user = served.user()
    async with served.http(user) as http:
        upload = asyncio.create_task(http.post(PATH, content=CSV, headers=AS_LINES))
        await begun.wait()
        upload.cancel()
        await asyncio.gather(upload, return_exceptions=True)
    await asyncio.wait_for(ended.wait(), 10)
    await served.http_application.transfers.ended(user.id)
    assert leftovers(served) == []


@pytest.mark.parametrize("pair", ["ts", "ts=", "=when"])
async def test_a_mapping_that_does_not_name_two_columns_is_refused(served: Served, pair: str) -> None:
    async with served.http(served.user()) as http:
        answer = await http.post("/api/usage/datasets", params={"map": pair}, content=b"x")
    told = answer.json()
    assert (answer.status_code, told["error"], told["code"]) == (422, "tool_fault", "INVALID_ARGUMENTS")
