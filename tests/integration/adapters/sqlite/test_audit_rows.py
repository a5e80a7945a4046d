"""The embedded trail's tables: made, made anew from those of 0.1.0, and read while they grow."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from netra_backend.app.adapters.sqlite import audit_rows
from netra_backend.app.adapters.sqlite.audit_rows import (
    cut,
    insert,
    number_after,
    open_trail,
    owners_of,
    reading_trail,
    row_up_to,
    subjects_of,
)
from netra_backend.app.core.audit_chain import ChainKeys, Entry

KEYS = ChainKeys.of(b"k" * 32)
OLD = "CREATE TABLE audit (id INTEGER PRIMARY KEY, at INTEGER, owner TEXT, event TEXT, point TEXT, detail TEXT)"


def filled(path: Path, count: int) -> sqlite3.Connection:
    connection = open_trail(path, KEYS, 1)
    rows = KEYS.seal_all(KEYS.beginning, (Entry(id, id, None, "refused", None, "{}") for id in range(1, count + 1)))
    insert(connection, KEYS.chain, rows)
    return connection


def old(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(OLD)
        connection.execute("INSERT INTO audit VALUES (1, 5, 'user_ada', 'refused', NULL, '{\"n\":1}')")


def test_a_trail_of_an_earlier_release_is_taken_over_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.db"
    old(path)
    before = path.read_bytes()

    def fails(*_: object) -> None:
        raise sqlite3.OperationalError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(audit_rows, "insert", fails)
        with pytest.raises(sqlite3.OperationalError, match="the disk is full"):
            open_trail(path, KEYS, 1)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id, owner FROM audit").fetchall() == [(1, "user_ada")]
    with closing(open_trail(path, KEYS, 9)) as connection:
        rows = connection.execute("SELECT id, at, event FROM audit ORDER BY id").fetchall()
        assert rows == [(1, 5, "refused"), (2, 9, "chain_started")]
        (subject,) = connection.execute("SELECT subject FROM audit WHERE id = 1").fetchone()
        assert owners_of(connection, KEYS, [subject]) == {subject: "user_ada"}
    assert b"user_ada" in before


def test_a_trail_that_is_opened_again_is_left_as_it_is(tmp_path: Path) -> None:
    filled(tmp_path / "audit.db", 3).close()
    with closing(open_trail(tmp_path / "audit.db", KEYS, 9)) as connection:
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == (3,)


def test_a_user_keeps_a_pseudonym_and_two_have_different_ones(tmp_path: Path) -> None:
    with closing(open_trail(tmp_path / "audit.db", KEYS, 1)) as connection:
        first, again = subjects_of(connection, KEYS, ["ada", "bob"]), subjects_of(connection, KEYS, ["ada"])
    assert first["ada"] == again["ada"] != first["bob"]


def test_ids_go_on_behind_what_retention_removed(tmp_path: Path) -> None:
    with closing(filled(tmp_path / "audit.db", 5)) as connection:
        assert cut(connection, KEYS, 0, 9) == 0
        assert cut(connection, KEYS, 100, 9) == 5
        assert row_up_to(connection, KEYS.chain, 99) is None
        kept = audit_rows.checkpoint_of(connection, KEYS.chain)
        assert kept is not None
        assert number_after(connection, kept.id, 3) == kept.id == 5


async def test_a_reader_sees_one_moment_and_stops_when_nobody_waits_for_it(tmp_path: Path) -> None:
    path, is_over = tmp_path / "audit.db", False
    with closing(filled(path, 3)) as connection, reading_trail(path, lambda: is_over) as reader:
        assert await reader.chains() == [KEYS.chain]
        connection.execute("DELETE FROM audit")
        assert len(await reader.rows(KEYS.chain, 0)) == 3
        assert (await reader.id_from_end(KEYS.chain, 1), await reader.id_from_end(KEYS.chain, 3)) == (2, 0)
        is_over = True
        with pytest.raises(sqlite3.OperationalError, match="closed"):
            await reader.rows(KEYS.chain, 0)
