"""``netra migrate`` on the embedded event log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from netra_backend.app.adapters.migrations import history
from netra_backend.app.adapters.sqlite import schema
from netra_backend.app.adapters.sqlite.migration import migrate_sqlite
from netra_backend.app.core.errors import ConfigurationError


def made(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid").fetchall()


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return number


def test_both_ways_to_the_newest_version_lead_to_the_same_file(tmp_path: Path) -> None:
    assert migrate_sqlite(tmp_path / "migrated.db") == list(history.VERSIONS)
    schema.open_writer(tmp_path / "opened.db").close()
    assert made(tmp_path / "migrated.db") == made(tmp_path / "opened.db") != []
    assert version_of(tmp_path / "migrated.db") == version_of(tmp_path / "opened.db") == schema.VERSION
    schema.open_writer(tmp_path / "migrated.db").close()


def test_a_file_that_is_up_to_date_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(schema.open_writer(path)) as writer:
        writer.execute("INSERT INTO request VALUES ('user_ada', 'k', 'run_1', 5)")
    before = made(path)
    assert migrate_sqlite(path) == []
    assert made(path) == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM request").fetchall() == [("user_ada", "k", "run_1", 5)]


def test_what_fails_in_the_middle_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.db"
    good = history.statements
    monkeypatch.setattr(schema, "statements", lambda *of: [*good(*of), "CREATE TABLE thread (x);"])
    for bring in (migrate_sqlite, schema.open_writer):
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            bring(path)
        assert (made(path), version_of(path)) == ([], 0)


def test_a_file_of_an_earlier_version_goes_through_the_later_ones_and_keeps_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.db"
    with closing(schema.open_writer(path)) as writer:
        writer.execute("INSERT INTO request VALUES ('user_ada', 'k', 'run_1', 5)")
    newest = schema.VERSION
    later = {
        f"{newest + 1:04}": "ALTER TABLE request ADD COLUMN more INTEGER;",
        f"{newest + 2:04}": "CREATE TABLE new (x);",
    }
    monkeypatch.setattr(schema, "VERSIONS", (*history.VERSIONS, *later))
    monkeypatch.setattr(schema, "VERSION", newest + 2)
    monkeypatch.setattr(schema, "statements", lambda _, version: [later[version]])
    assert migrate_sqlite(path) == list(later)
    assert version_of(path) == newest + 2
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM request").fetchall() == [("user_ada", "k", "run_1", 5, None)]
        assert connection.execute("SELECT * FROM new").fetchall() == []


@pytest.mark.validation_point("sqlite.schema")
def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version=99")
    with pytest.raises(ConfigurationError, match="or a later one"):
        migrate_sqlite(path)
    assert (made(path), version_of(path)) == ([], 99)
