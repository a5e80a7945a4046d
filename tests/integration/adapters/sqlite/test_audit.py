"""The audit trail in a real SQLite file."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netra_backend.app.adapters.sqlite.audit import SqliteAudit
from netra_backend.app.core.errors import DependencyUnavailable


@pytest.fixture
async def audit(tmp_path: Path) -> AsyncIterator[SqliteAudit]:
    audit = SqliteAudit(tmp_path / "audit.db")
    yield audit
    await audit.close()


def stored(path: Path) -> bytes:
    """Everything that stands in the file and in the log beside it."""
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def modes(directory: Path) -> set[int]:
    """Who may read and write what lies there."""
    return {path.stat().st_mode & 0o777 for path in directory.iterdir()}


async def test_the_file_is_its_owners_alone(audit: SqliteAudit, tmp_path: Path) -> None:
    assert modes(tmp_path) == {0o600}


async def test_no_secret_reaches_the_file(audit: SqliteAudit, tmp_path: Path) -> None:
    audit.record("ada", "refused", "auth.signature", {"field": "bearer.abcdefghijkl", "x": "sk-abcdefghijklmnop"}, 1)
    await audit.rows("ada", 1)
    assert b"abcdefghijkl" not in stored(tmp_path / "audit.db")


async def test_a_deleted_users_name_is_not_left_in_the_file_nor_in_the_log_beside_it(
    audit: SqliteAudit, tmp_path: Path
) -> None:
    audit.record("user_ada", "refused", "id.format", {"n": 1}, 10)
    audit.record("root", "revoked", None, {"user": "user_ada", "other": "user_adam"}, 11)
    assert await audit.pseudonymise("user_ada") == 1
    await audit.close()
    assert stored(tmp_path / "audit.db").replace(b"user_adam", b"").count(b"user_ada") == 0


async def held_up(audit: SqliteAudit) -> tuple[asyncio.Task[None], threading.Event]:
    """A question that the audit's thread works at until the event is set."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(_: sqlite3.Connection) -> None:
        begun.set()
        go_on.wait()

    question = asyncio.create_task(audit._ask(wait))
    await asyncio.to_thread(begun.wait)
    return question, go_on


async def test_a_full_queue_drops_and_counts_and_waits_for_nothing(tmp_path: Path) -> None:
    audit = SqliteAudit(tmp_path / "audit.db", room=10)
    question, go_on = await held_up(audit)
    for number in range(25):
        audit.record("ada", "refused", None, {}, number)
    assert audit.dropped == 15
    go_on.set()
    await question
    assert [row["at_ms"] for row in await audit.rows("ada", 100)] == list(range(9, -1, -1))
    await audit.close()


async def test_rows_that_are_nobodys_are_bounded_as_an_owners_are(tmp_path: Path) -> None:
    audit = SqliteAudit(tmp_path / "audit.db", kept=20)
    for number in range(200):
        audit.record(None, "refused", None, {}, number)
    await audit.close()
    connection = sqlite3.connect(tmp_path / "audit.db")
    assert 20 <= connection.execute("SELECT count(*) FROM audit WHERE owner IS NULL").fetchone()[0] <= 22
    connection.close()


async def test_a_store_that_fails_loses_rows_but_not_the_thread(
    audit: SqliteAudit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await audit.rows("ada", 1)
    other = sqlite3.connect(tmp_path / "audit.db", isolation_level=None)
    other.execute("ALTER TABLE audit RENAME TO elsewhere")
    with caplog.at_level(logging.ERROR):
        audit.record("ada", "refused", None, {}, 1)
        with pytest.raises(DependencyUnavailable, match="no such table"):
            await audit.rows("ada", 1)
        with pytest.raises(DependencyUnavailable, match="no such table"):
            await audit.pseudonymise("ada")
    assert audit.dropped == 1
    assert "1 audit rows were lost" in caplog.text
    other.execute("ALTER TABLE elsewhere RENAME TO audit")
    other.close()
    audit.record("ada", "refused", None, {}, 2)
    assert [row["at_ms"] for row in await audit.rows("ada", 10)] == [2]


async def test_a_file_that_somebody_else_holds_loses_rows_but_not_the_thread(
    audit: SqliteAudit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await audit._ask(lambda connection: connection.execute("PRAGMA busy_timeout=0"))
    other = sqlite3.connect(tmp_path / "audit.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    audit.record("ada", "refused", None, {}, 1)
    with pytest.raises(DependencyUnavailable, match="locked"):
        await audit.pseudonymise("ada")
    other.execute("ROLLBACK")
    other.close()
    audit.record("ada", "refused", None, {}, 2)
    assert [row["at_ms"] for row in await audit.rows("ada", 10)] == [2]
    assert audit.dropped == 1


async def test_a_question_that_nobody_waits_for_any_more_is_left_out(audit: SqliteAudit) -> None:
    first, go_on = await held_up(audit)
    asked: list[bool] = []
    second = asyncio.create_task(audit._ask(lambda connection: asked.append(True)))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    go_on.set()
    await first
    await audit.rows("ada", 1)
    assert asked == []
