"""The audit trail in a real SQLite file."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netra_backend.app.adapters.sqlite import audit as sqlite_audit
from netra_backend.app.adapters.sqlite.audit import SqliteAudit
from netra_backend.app.core.errors import ConfigurationError, DependencyUnavailable
from netra_backend.app.core.limits import USUAL, Limits
from test_framework.audit_trail import place_in
from test_framework.clock import ManualClock


async def opened(directory: Path, limits: Limits = USUAL) -> SqliteAudit:
    return await SqliteAudit.open(directory / "audit.db", place_in(directory), ManualClock(), limits)


@pytest.fixture
async def audit(tmp_path: Path) -> AsyncIterator[SqliteAudit]:
    audit = await opened(tmp_path)
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
    audit = await opened(tmp_path, limits=Limits(audit_waiting=10))
    question, go_on = await held_up(audit)
    for number in range(25):
        audit.record("ada", "refused", None, {}, number)
    assert audit.dropped == 15
    go_on.set()
    await question
    assert [row["at_ms"] for row in await audit.rows("ada", 100)] == list(range(9, -1, -1))
    await audit.close()


async def test_what_a_store_does_not_take_waits_until_it_does(
    audit: SqliteAudit, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_audit, "_AGAIN_S", 0.01)
    await audit.rows("ada", 1)
    other = sqlite3.connect(tmp_path / "audit.db", isolation_level=None)
    other.execute("ALTER TABLE audit RENAME TO elsewhere")
    with caplog.at_level(logging.ERROR):
        audit.record("ada", "refused", None, {}, 1)
        with pytest.raises(DependencyUnavailable, match="no such table"):
            await audit.rows("ada", 1)
    assert "no such table" in audit.trouble
    assert "the audit trail's rows cannot be written" in caplog.text
    other.execute("ALTER TABLE elsewhere RENAME TO audit")
    other.close()
    audit.record("ada", "refused", None, {}, 2)
    assert [row["at_ms"] for row in await audit.rows("ada", 10)] == [2, 1]
    assert (audit.dropped, audit.trouble) == (0, "")


async def test_a_file_that_somebody_else_holds_loses_nothing(audit: SqliteAudit, tmp_path: Path) -> None:
    await audit._ask(lambda connection: connection.execute("PRAGMA busy_timeout=0"))
    other = sqlite3.connect(tmp_path / "audit.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    audit.record("ada", "refused", None, {}, 1)
    with pytest.raises(DependencyUnavailable, match="locked"):
        await audit.pseudonymise("ada")
    other.execute("ROLLBACK")
    other.close()
    audit.record("ada", "refused", None, {}, 2)
    assert [row["at_ms"] for row in await audit.rows("ada", 10)] == [2, 1]


async def test_what_cannot_be_stored_by_the_end_is_counted_as_lost(
    audit: SqliteAudit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = sqlite3.connect(tmp_path / "audit.db", isolation_level=None)
    other.execute("DROP TABLE audit")
    other.close()
    audit.record("ada", "refused", None, {}, 1)
    with caplog.at_level(logging.ERROR):
        await audit.close()
    assert audit.counts() == {"rows": 1, "rows_dropped": 1}
    assert "1 audit rows were lost" in caplog.text


async def test_an_anchor_that_cannot_be_written_is_a_trouble_and_rows_are_stored_all_the_same(
    audit: SqliteAudit, tmp_path: Path
) -> None:
    await audit.rows("ada", 1)
    (tmp_path / "audit.anchor.new").mkdir()
    audit.record("ada", "refused", None, {}, 1)
    assert len(await audit.rows("ada", 10)) == 1
    await audit.rows("ada", 1)  # the anchor is set behind what is asked
    assert "anchor cannot be written" in audit.trouble
    (tmp_path / "audit.anchor.new").rmdir()
    audit.record("ada", "refused", None, {}, 2)
    for _ in range(2):
        await audit.rows("ada", 1)
    assert audit.trouble == ""


async def test_an_end_that_is_cut_off_while_the_server_goes_on_is_noticed_and_no_anchor_covers_it_up(
    audit: SqliteAudit, tmp_path: Path
) -> None:
    for number in range(5):
        audit.record("ada", "refused", None, {}, number)
        await audit.rows("ada", 1)
    await audit.rows("ada", 1)
    other = sqlite3.connect(tmp_path / "audit.db", isolation_level=None)
    other.execute("DELETE FROM audit WHERE id > 2")
    other.close()
    audit.record("ada", "refused", None, {}, 9)
    for _ in range(2):
        await audit.rows("ada", 1)
    assert "row 5" in audit.broken
    assert (await audit.verdict()).state == "broken"
    await audit.close()
    with pytest.raises(ConfigurationError, match="row 6 does not follow on row 2"):
        await opened(tmp_path)


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


async def test_any_fault_of_one_question_is_that_questions_alone(audit: SqliteAudit) -> None:
    def fails(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        raise KeyError("what a store was made to hold")

    with pytest.raises(DependencyUnavailable, match="what a store was made to hold"):
        await audit._ask(fails)
    audit.record("ada", "refused", None, {}, 1)
    assert len(await audit.rows("ada", 10)) == 1


async def test_a_thread_that_has_ended_is_a_trouble_and_lets_nobody_wait(
    audit: SqliteAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise RuntimeError("no more")

    question, go_on = await held_up(audit)
    monkeypatch.setattr(audit, "_take", fails)
    behind = asyncio.create_task(audit._ask(lambda connection: connection.execute("SELECT 1")))
    await asyncio.sleep(0)
    audit.record("ada", "refused", None, {}, 1)
    go_on.set()
    await question
    with pytest.raises(DependencyUnavailable, match="closed"):
        await behind
    await asyncio.to_thread(audit._thread.join)
    assert "no more" in audit.trouble
    with pytest.raises(DependencyUnavailable, match="closed"):
        await audit.rows("ada", 1)
    audit.record("ada", "refused", None, {}, 2)
    assert audit.dropped == 2


async def test_a_thread_that_does_not_come_to_its_end_does_not_keep_the_server_from_its_own(
    audit: SqliteAudit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_audit, "_CLOSE_S", 0.01)
    question, go_on = await held_up(audit)
    audit.record("ada", "refused", None, {}, 1)
    count = "SELECT count(*) FROM audit"
    behind = asyncio.create_task(audit._ask(lambda connection: connection.execute(count).fetchone()[0]))
    await asyncio.sleep(0)
    with caplog.at_level(logging.ERROR):
        await audit.close()
    assert "1 audit rows were lost: the trail's thread did not come to its end" in caplog.text
    go_on.set()
    await question
    assert await behind == 1  # it went on after all, in order
    await asyncio.to_thread(audit._thread.join)


async def test_a_checkpoint_of_other_types_than_its_own_is_a_forged_one(audit: SqliteAudit, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "audit.db", isolation_level=None)
    other.execute("INSERT INTO audit_checkpoint VALUES (?, 'x', 'y', 'z', 'a', 'b')", (audit._keys.chain,))
    other.close()
    assert "was not signed with this key" in (await audit.verdict()).place


async def test_a_text_that_is_none_is_a_changed_row(audit: SqliteAudit, tmp_path: Path) -> None:
    audit.record("ada", "refused", None, {}, 1)
    await audit.rows("ada", 1)
    other = sqlite3.connect(tmp_path / "audit.db", isolation_level=None)
    other.execute("UPDATE audit SET detail = CAST(x'ff' AS TEXT)")
    other.close()
    assert "row 1 does not follow on the beginning" in (await audit.verdict()).place
