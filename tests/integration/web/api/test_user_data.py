"""Everything of a user, taken along and deleted: from the log, the datasets, the caches, and from the audit its name."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.errors import AuthenticationRefused
from netra_backend.app.core.identity import WEBSOCKET, Identity
from test_framework.local_runtime import connected_user
from test_framework.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

CSV = "timestamp,model,input_tokens,output_tokens,team\n2026-01-05T00:00:00Z,gpt-4o,1000,100,{}\n"


async def lines_of(served: Served, user: Any, path: str = "/api/me/export") -> list[dict[str, Any]]:
    async with served.http(user) as http:
        answer = await http.get(path)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "attachment" in answer.headers["content-disposition"]
    return [json.loads(line) for line in answer.text.splitlines()]


def holding(directory: Path, text: str) -> list[str]:
    return [path.name for path in directory.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def test_an_export_holds_everything_of_the_user_and_says_that_it_is_whole(served: Served) -> None:
    user, other = served.user(), served.user()
    await served.ran(other, "nothing of this")
    made = {(await served.ran(user, f"question {number}"))["thread_id"] for number in range(3)}
    async with served.http(user) as http:
        await http.post("/api/usage/datasets", content=CSV.format(1))
        await http.get("/api/runs/run_x1")
    lines = await lines_of(served, user)
    kinds = Counter(line["kind"] for line in lines)
    assert (lines[0]["kind"], lines[0]["user_id"]) == ("user", user.id)
    assert {line["thread_id"] for line in lines if line["kind"] == "thread"} == made
    assert {line["event"]["thread_id"] for line in lines if line["kind"] == "event"} == made
    assert kinds["dataset"] == 1
    assert {line["row"]["event"] for line in lines if line["kind"] == "audit"} == {"refused", "user_exported"}
    assert lines[-1] == {"kind": "end", "counts": {kind: count for kind, count in kinds.items() if kind != "end"}}
    assert "nothing of this" not in str(lines)


async def test_an_export_of_a_thread_holds_its_events_in_order(served: Served) -> None:
    user = served.user()
    thread_id = (await served.ran(user))["thread_id"]
    await served.ran(user, "again", thread_id=thread_id)
    await served.ran(user, "elsewhere")
    lines = await lines_of(served, user, f"/api/threads/{thread_id}/export")
    assert lines[0]["kind"] == "thread"
    assert [line["event"]["seq"] for line in lines[1:-1]] == list(range(1, lines[0]["top"] + 1))
    assert lines[-1]["counts"] == {"thread": 1, "event": lines[0]["top"]}


async def test_what_is_deleted_is_gone_from_log_datasets_and_caches(served: Served) -> None:
    user, other, canary = served.user(), served.user(), served.runtime.mint("zq")
    kept = await served.ran(other, "mine, not of this user")
    accepted = await served.ran(user, canary, id="key-1")
    data_dir = served.runtime.settings.data_dir
    async with served.http(user) as http:
        await http.post("/api/usage/datasets", content=CSV.format(canary), params={"name": canary})
        await served.with_blob(user, Blob.of(canary.encode() * 100_000, "text/plain"))
        await served.runtime.ledger.ask(user.id, "data_profile", {})
        await http.get("/api/runs/run_x1")
        assert holding(data_dir, canary)
        ticket = (await http.post("/api/tickets")).json()["ticket"]
        async with connected_user(served.runtime, user.id) as device:
            device.send(type="execute_agent", agent="patient", message=canary)
            await device.wire.until("agent_thinking")
            told = (await http.delete("/api/me")).json()
            assert device.wire.closed == (4503, "revoked")
        assert (told["deleted"], told["threads"], told["datasets"]) == (user.id, 3, 1)
        assert told["audit_rows_pseudonymised"] >= 2
        assert (await http.get("/api/me")).json()["error"] == "revoked"
    assert holding(data_dir, canary) == []
    assert user.id.encode() not in (data_dir / "audit.db").read_bytes()
    assert served.runtime.runs.scheduler.of_user(user.id) == []
    with pytest.raises(AuthenticationRefused, match="unknown"):
        await served.runtime.tickets.redeem(ticket, WEBSOCKET)

    again = served.users.token_for(user.id)
    async with served.http(again) as http:
        assert (await http.get("/api/threads")).json() == {"threads": []}
        assert (await http.get("/api/usage/datasets")).json() == {"datasets": []}
        assert (await http.get("/api/audit")).json() == {"rows": []}
        assert (await http.get(f"/api/runs/{accepted['run_id']}")).status_code == 404
    async with connected_user(served.runtime, user.id) as device:
        device.send(type="execute_agent", agent="echo", message="mine", thread_id=accepted["thread_id"])
        assert (await device.wire.until("error"))["error"] == "isolation_violation"
        device.send(type="execute_agent", agent="echo", message="anew", id="key-1")
        assert (await device.wire.until("accepted"))["run_id"] != accepted["run_id"]
        await device.ended_run()
    async with served.http(other) as http:
        assert (await http.get(f"/api/runs/{kept['run_id']}")).status_code == 200


async def test_an_upload_that_goes_on_while_its_user_is_deleted_leaves_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, begun, ledger = served.user(), asyncio.Event(), served.runtime.ledger
    real = ledger.import_usage

    async def held(*arguments: Any) -> dict[str, Any]:
        begun.set()
        await asyncio.get_running_loop().create_future()
        return dict(await real(*arguments))

    monkeypatch.setattr(ledger, "import_usage", held)
    async with served.http(user) as http, served.http(user) as second:
        upload = asyncio.create_task(http.post("/api/usage/datasets", content=CSV.format(1)))
        await begun.wait()
        assert (await second.delete("/api/me")).json()["datasets"] == 0
        assert (await upload).status_code == 401
    assert await ledger.datasets(user.id) == []


async def test_an_export_ends_with_the_sign_in_of_its_user_and_does_not_say_that_it_is_whole(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = served.user()
    await served.ran(user)
    begin = served.http_application.transfers.begin

    def ended(identity: Identity) -> Any:
        transfer = begin(identity)
        transfer.end()
        return transfer

    monkeypatch.setattr(served.http_application.transfers, "begin", ended)
    assert await lines_of(served, user) == []
    assert len(served.http_application.transfers) == 0
