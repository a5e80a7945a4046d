"""The embedded log's file: its settings, its version, and a reader that cannot write."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.adapters import sqlite_schema


def setting(connection: sqlite3.Connection, name: str) -> Any:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_commit_waits_for_the_disk_and_what_is_deleted_is_overwritten(tmp_path: Path) -> None:
    with closing(sqlite_schema.open_writer(tmp_path / "events.db")) as writer:
        full = 2
        assert (setting(writer, "journal_mode"), setting(writer, "synchronous")) == ("wal", full)
        assert setting(writer, "secure_delete") == 1
        assert setting(writer, "wal_autocheckpoint") == sqlite_schema.CHECKPOINT_PAGES


def test_a_file_that_was_made_before_is_opened_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(sqlite_schema.open_writer(path)) as writer:
        writer.execute("INSERT INTO request VALUES ('user_ada', 'k', 'run_1', 5)")
    with closing(sqlite_schema.open_writer(path)) as again:
        assert again.execute("SELECT * FROM request").fetchall() == [("user_ada", "k", "run_1", 5)]


def test_a_schema_that_this_program_does_not_know_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version=99")
    with pytest.raises(ValueError, match=r"events\.db has schema version 99; this program knows 1"):
        sqlite_schema.open_writer(path)


def test_a_reader_sees_what_is_committed_and_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "a folder?with #signs" / "events.db"
    path.parent.mkdir()
    with closing(sqlite_schema.open_writer(path)) as writer, closing(sqlite_schema.open_reader(path)) as reader:
        writer.execute("BEGIN")
        writer.execute("INSERT INTO request VALUES ('user_ada', 'k', 'run_1', 5)")
        assert reader.execute("SELECT * FROM request").fetchall() == []
        writer.execute("COMMIT")
        assert len(reader.execute("SELECT * FROM request").fetchall()) == 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM request")
