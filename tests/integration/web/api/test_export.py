"""Exports in pages: complete, in order, and no more in memory than a page."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.identity import Identity
from netra_backend.app.web.api import export
from test_framework.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def lines_of(served: Served, user_id: str) -> list[Any]:
    identity, runtime = Identity(user_id, frozenset(), None, 0), served.runtime
    exporter = export.Exporter(
        runtime.log,
        runtime.files,
        runtime.secrets,
        runtime.mcp_servers,
        runtime.api_keys,
        runtime.budgets,
        runtime.ledger,
        runtime.audit,
        runtime.clock,
    )
    transfer = served.http_application.transfers.begin(identity)
    try:
        lines = [line async for line in exporter.user(identity, transfer)]
    finally:
        transfer.close()
    return [msgspec.json.decode(line, type=export.UserExport) for line in lines]


async def test_pages_that_end_anywhere_lose_nothing_and_tell_nothing_twice(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = served.user()
    made = [(await served.ran(user, str(number)))["thread_id"] for number in range(5)]
    async with served.http(user) as http:
        for _ in range(5):
            await http.get("/api/runs/run_x1")
    monkeypatch.setattr(export, "_PAGE", 2)
    lines = await lines_of(served, user.id)
    threads = [line.thread_id for line in lines if isinstance(line, export.ExportedThread)]
    rows = [line.row.id for line in lines if isinstance(line, export.ExportedAuditRow)]
    assert sorted(threads) == sorted(made)
    assert len(rows) == len(set(rows)) == 5
    assert lines[-1] == export.ExportEnd({"user": 1, "thread": 5, "event": 30, "audit": 5})


async def test_blobs_come_whole_after_the_events_of_their_thread_and_only_to_their_owner(served: Served) -> None:
    user, other = served.user(), served.user()
    blob, theirs = Blob.of(bytes(range(256)) * 1000, "application/json"), Blob.of(b"theirs", "text/plain")
    thread_id = await served.with_blob(user, blob)
    await served.with_blob(other, theirs)
    lines = await lines_of(served, user.id)
    at = lines.index(export.ExportedBlob(thread_id, blob.ref, "application/json", blob.body))
    assert isinstance(lines[at - 1], export.ExportedEvent)
    assert lines[-1].counts["blob"] == 1


async def test_a_thread_that_is_deleted_while_others_are_told_is_left_out(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, other = served.user(), served.user()
    listed = await served.ran(user), await served.ran(other)
    log = served.runtime.log
    stored = [*await log.threads(user.id, limit=9), *await log.threads(other.id, limit=9)]
    pages = iter([stored, []])

    async def threads(*_: Any, **__: Any) -> list[Any]:
        return next(pages)

    monkeypatch.setattr(log, "threads", threads)
    lines = await lines_of(served, user.id)
    told = [line.thread_id for line in lines if isinstance(line, export.ExportedThread)]
    assert told == [listed[0]["thread_id"]]
