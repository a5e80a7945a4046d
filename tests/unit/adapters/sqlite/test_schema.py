"""The embedded log's file: its settings, its version, and a reader that cannot write."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.adapters.migrations import history
from netra_backend.app.adapters.sqlite import schema
from netra_backend.app.core.errors import ConfigurationError

VERSION_ONE = "c7ec3d7852c8d4e36fa9972309fb4859f3aad184a76721eec5cab43490fcd418"


def setting(connection: sqlite3.Connection, name: str) -> Any:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_commit_waits_for_the_disk_and_what_is_deleted_is_overwritten(tmp_path: Path) -> None:
    with closing(schema.open_writer(tmp_path / "events.db")) as writer:
        full = 2
        assert (setting(writer, "journal_mode"), setting(writer, "synchronous")) == ("wal", full)
        assert setting(writer, "secure_delete") == 1
        assert setting(writer, "wal_autocheckpoint") == schema.CHECKPOINT_PAGES


def test_the_file_and_those_beside_it_are_their_owners_alone(tmp_path: Path) -> None:
    with closing(schema.open_writer(tmp_path / "events.db")):
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"events.db": 0o600, "events.db-wal": 0o600, "events.db-shm": 0o600}


def test_a_file_that_was_made_before_is_opened_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(schema.open_writer(path)) as writer:
        writer.execute("INSERT INTO request VALUES ('user_ada', 'k', 'run_1', 5)")
    with closing(schema.open_writer(path)) as again:
        assert again.execute("SELECT * FROM request").fetchall() == [("user_ada", "k", "run_1", 5)]


@pytest.mark.validation_point("sqlite.schema")
def test_a_schema_that_this_program_does_not_know_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version=99")
    told = rf"events\.db has schema version 99, but this program knows {schema.VERSION}. Use the version of Netra that"
    for use in (schema.open_writer, schema.stored_version):
        with pytest.raises(ConfigurationError, match=told):
            use(path)


@pytest.mark.validation_point("sqlite.schema")
def test_an_older_schema_is_left_alone_with_the_command_that_brings_it_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.db"
    schema.open_writer(path).close()
    assert schema.stored_version(path) == schema.VERSION
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(ConfigurationError, match=f"run: netra migrate --data-dir {tmp_path}"):
        schema.open_writer(path)


def test_version_one_is_what_its_first_users_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is released does not change: another table or column is another version."""
    monkeypatch.setattr(schema, "VERSIONS", history.VERSIONS[:1])
    path = tmp_path / "events.db"
    with closing(schema.open_writer(path)) as writer:
        made = writer.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid").fetchall()
        assert setting(writer, "user_version") == 1
    assert hashlib.sha256(repr(made).encode()).hexdigest() == VERSION_ONE


def test_a_reader_sees_what_is_committed_and_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "a folder?with #signs" / "events.db"
    path.parent.mkdir()
    with closing(schema.open_writer(path)) as writer, closing(schema.open_reader(path)) as reader:
        writer.execute("BEGIN")
        writer.execute("INSERT INTO request VALUES ('user_ada', 'k', 'run_1', 5)")
        assert reader.execute("SELECT * FROM request").fetchall() == []
        writer.execute("COMMIT")
        assert len(reader.execute("SELECT * FROM request").fetchall()) == 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM request")
