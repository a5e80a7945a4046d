"""The drill on a whole server: every endpoint refuses, and an endpoint whose guard is taken away is told as LEAKED."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.adapters.ledger.ledger import DuckDBLedger
from netra_backend.app.adapters.sqlite.api_keys import SqliteApiKeys
from netra_backend.app.adapters.sqlite.audit import SqliteAudit
from netra_backend.app.adapters.sqlite.files import SqliteFiles
from netra_backend.app.adapters.sqlite.secrets import SqliteSecrets
from netra_backend.app.core.api_keys import ApiKey
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.files import StoredFile
from netra_backend.app.drill.actor import DrillFailed
from netra_backend.app.drill.isolation_drill import DrillReport, hold_drill
from netra_backend.app.server.application import Application
from netra_backend.app.server.drill_transport import AsgiTransport, InProcessDrill
from netra_backend.app.server.runtime import Runtime
from netra_backend.app.services.conversations import Conversations
from netra_backend.app.services.mcp_records import McpRecord, McpRecords
from netra_backend.app.web.sockets import endpoint
from test_framework.local_runtime import running_application

ENDPOINTS = 33


def drill_of(application: Application, runtime: Runtime) -> InProcessDrill:
    return InProcessDrill(application, runtime.sign_in_synthetic, runtime.log, runtime.ledger, runtime.mint)


async def drilled(data_dir: Path) -> DrillReport:
    key = b"k" * 32
    async with running_application(data_dir / "data", allow_drills=True, secrets_key=key) as (application, runtime):
        return await drill_of(application, runtime).hold()


async def test_every_endpoint_refuses_and_nothing_of_the_drill_stays(tmp_path: Path) -> None:
    async with running_application(tmp_path / "data") as (application, runtime):
        report = await drill_of(application, runtime).hold()
        assert [row for row in report.rows if row.verdict != "refused"] == []
        assert len(report.rows) == ENDPOINTS
        assert report.leaks == []
        assert report.summary().startswith(f"SSOT isolation drill: {ENDPOINTS} of {ENDPOINTS} endpoints refused. ")
        assert list(runtime.connections) == []
        counted = await runtime.log.take_over(9)
        assert counted == []


ORIGINAL_THREAD = Conversations.owned_thread
ORIGINAL_RUN = Conversations.owned_run
ORIGINAL_ROWS = SqliteAudit.rows
ORIGINAL_ASK = DuckDBLedger.ask
ORIGINAL_FIND = SqliteFiles.find
ORIGINAL_REMOVE = SqliteSecrets.remove
ORIGINAL_RECORD = McpRecords.find


async def any_thread(self: Conversations, owner: str, thread_id: str) -> Any:
    return await self._log.find(thread_id) or await ORIGINAL_THREAD(self, owner, thread_id)


async def any_run(self: Conversations, owner: str, run_id: str) -> Any:
    return await self._log.run(run_id) or await ORIGINAL_RUN(self, owner, run_id)


async def all_rows(self: SqliteAudit, owner: str, *_: Any) -> list[dict[str, Any]]:
    rows = []
    for each in await self._ask(lambda connection: connection.execute("SELECT owner FROM audit_subject").fetchall()):
        rows += await ORIGINAL_ROWS(self, each[0], 100) if each[0] else []
    return rows


async def ask_anybodys(self: DuckDBLedger, owner: str, question: str, arguments: Any) -> Any:
    for other in (owner, *self.children.pids):
        with contextlib.suppress(ToolError):
            answer = await ORIGINAL_ASK(self, other, question, arguments)
            if answer.get("rows", 1):
                return answer
    return await ORIGINAL_ASK(self, owner, question, arguments)


async def find_anybodys(self: SqliteFiles, owner: str, file_id: str) -> StoredFile | None:
    for (other,) in await self._read("", lambda connection: connection.execute("SELECT owner FROM file").fetchall()):
        if found := await ORIGINAL_FIND(self, other, file_id):
            return found
    return None


async def remove_anybodys(self: SqliteSecrets, owner: str, name: str) -> bool:
    return self._table == "mcp_server" or await ORIGINAL_REMOVE(self, owner, name)


async def keys_of_anybody(self: SqliteApiKeys, owner: str) -> list[ApiKey]:
    rows = await self._read("", lambda connection: connection.execute("SELECT key_id FROM api_key").fetchall())
    return [replace(key, owner=owner) for row in rows if (key := await self.find(row[0]))]


async def record_of_anybody(self: McpRecords, owner: str, server_id: str) -> McpRecord | None:
    stored: Any = self._store
    rows = await stored._read("", lambda connection: connection.execute("SELECT owner FROM mcp_server").fetchall())
    for (other,) in rows:
        if found := await ORIGINAL_RECORD(self, other, server_id):
            return found
    return None


async def delete_anybodys(self: DuckDBLedger, owner: str, dataset_id: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("target", "name", "broken", "endpoints"),
    [
        (
            Conversations,
            "owned_thread",
            any_thread,
            {"read another user's events", "rename another user's thread", "resume another user's thread"},
        ),
        (Conversations, "owned_run", any_run, {"cancel another user's run", "read another user's run"}),
        pytest.param(  # a socket that is let in says nothing, and the drill waits for that in full, twice
            endpoint,
            "check_path_user",
            lambda identity, user: None,
            {"connect as another user"},
            marks=pytest.mark.long,
        ),
        (SqliteAudit, "rows", all_rows, {"read another user's audit trail"}),
        (DuckDBLedger, "delete_dataset", delete_anybodys, {"delete another user's dataset"}),
        (SqliteSecrets, "remove", remove_anybodys, {"delete another user's MCP server"}),
        (SqliteApiKeys, "of", keys_of_anybody, {"delete another user's API key"}),
        (McpRecords, "find", record_of_anybody, {"authorize another user's MCP server"}),
        (SqliteFiles, "find", find_anybodys, {"read another user's file"}),
        (DuckDBLedger, "ask", ask_anybodys, {"another's cost report", "another's dataset, reported"}),
    ],
    ids=["threads", "runs", "path", "audit", "datasets", "mcp", "api keys", "mcp authorization", "files", "usage"],
)
async def test_an_endpoint_without_its_guard_is_told_as_leaked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Any, name: str, broken: Any, endpoints: set[str]
) -> None:
    monkeypatch.setattr(target, name, broken)
    report = await drilled(tmp_path)
    assert {row.endpoint for row in report.leaks} >= endpoints
    assert "LEAKED" in report.summary()


async def test_a_drill_of_one_user_with_itself_is_refused(tmp_path: Path) -> None:
    async with running_application(tmp_path / "data") as (application, runtime):
        line = AsgiTransport(application, runtime.sign_in_synthetic, runtime.mint("drill"))
        with pytest.raises(DrillFailed, match="needs two users"):
            await hold_drill(line, line, runtime.mint)
        await line.close()


async def test_an_owner_who_cannot_open_its_own_endpoints_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(self: DuckDBLedger, owner: str, dataset_id: str) -> bool:
        return False

    monkeypatch.setattr(DuckDBLedger, "delete_dataset", never)
    with pytest.raises(DrillFailed, match="the owner was refused as well \\(delete another user's dataset"):
        await drilled(tmp_path)
