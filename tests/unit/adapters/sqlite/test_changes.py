"""Changes of the store: what a deletion takes away, and what it leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from netra_backend.app.adapters.sqlite import schema
from netra_backend.app.adapters.sqlite.changes import Deletion, Expiry, Rename, erase
from netra_backend.app.adapters.sqlite.gone_threads import BYTES_AT_ONCE, PurgeThreads


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(schema.open_writer(tmp_path / "events.db")) as connection:
        for key, owner in ((1, "user_ada"), (2, "user_ada"), (3, "user_bob")):
            connection.execute("INSERT INTO thread VALUES (?, ?, ?, 'e', 'Title', 5, 1)", (key, f"thr_{key}", owner))
            connection.execute("INSERT INTO head VALUES (?, 2, ?, 5)", (key, key + 10))
            connection.execute("INSERT INTO log VALUES (?, ?, 1, 1, ?, 0, 'x')", (key, key, f"run_{key}"))
            connection.execute("INSERT INTO log VALUES (?, ?, 2, 1, ?, ?, 'y')", (key + 10, key, f"run_{key}", key))
            connection.execute("INSERT INTO run VALUES (?, ?, 'a', 'r', 'UTC', 5, 1, 2)", (f"run_{key}", key))
            connection.execute("INSERT INTO blob VALUES (?, ?, 'ref', 'text/plain', 'x')", (key, key))
            connection.execute("INSERT INTO state VALUES (?, ?, ?, 'k', 'd', 'x', 5)", (key, owner, f"thr_{key}"))
            connection.execute("INSERT INTO state VALUES (?, ?, '', ?, 'd', 'x', 5)", (key + 10, owner, f"k{key}"))
            connection.execute("INSERT INTO secret VALUES (?, ?, ?, 'k', 'x', 5)", (key, owner, f"s{key}"))
            connection.execute("INSERT INTO request VALUES (?, ?, ?, 5)", (owner, f"k{key}", f"run_{key}"))
        yield connection


def test_a_deletion_takes_everything_but_the_id_and_leaves_other_threads_alone(store: sqlite3.Connection) -> None:
    Deletion([1])(store)
    PurgeThreads([1])(store)
    assert store.execute("SELECT thread_id, owner, title, epoch FROM thread WHERE key = 1").fetchall() == [
        ("thr_1", "", "", "")
    ]
    left = {
        table: {row[0] for row in store.execute(f"SELECT {column} FROM {table}")}
        for table, column in (
            ("log", "thread"),
            ("blob", "thread"),
            ("head", "key"),
            ("run", "thread"),
            ("request", "key"),
            ("state", "id"),
            ("secret", "id"),
        )
    }
    whole = {2, 3}
    assert left.pop("request") == {"k2", "k3"}
    assert left.pop("state") == {2, 3, 11, 12, 13}
    assert left.pop("secret") == {1, 2, 3}
    assert left == dict.fromkeys(("log", "blob", "head", "run"), whole)


def test_with_its_owner_a_deletion_takes_what_is_in_no_thread(store: sqlite3.Connection) -> None:
    Deletion([1, 2], "user_ada")(store)
    assert store.execute("SELECT id FROM state ORDER BY id").fetchall() == [(3,), (13,)]
    assert store.execute("SELECT id FROM secret").fetchall() == [(3,)]


def test_a_deletion_of_what_is_not_there_does_nothing(store: sqlite3.Connection) -> None:
    before = store.total_changes
    Deletion([9])(store)
    assert store.total_changes == before


def test_a_rename_changes_one_title(store: sqlite3.Connection) -> None:
    Rename(2, "New")(store)
    assert store.execute("SELECT title FROM thread ORDER BY key").fetchall() == [("Title",), ("New",), ("Title",)]


def test_an_expiry_takes_the_keys_that_are_old_still_and_leaves_their_runs(store: sqlite3.Connection) -> None:
    store.execute("UPDATE request SET created = 6 WHERE key = 'k2'")  # it has begun another run since it was looked at
    Expiry([("user_ada", "k1"), ("user_ada", "k2"), ("user_ada", "k3"), ("user_eve", "k9")], 6)(store)
    assert store.execute("SELECT owner, key FROM request").fetchall() == [("user_ada", "k2"), ("user_bob", "k3")]
    assert store.execute("SELECT count(*) FROM run").fetchone() == (3,)


def test_what_erases_is_the_last_of_a_deletion() -> None:
    assert (Rename.erases, Expiry.erases) == (False, False)
    assert Deletion([], "user_ada").erases
    assert not Deletion([1], "user_ada").erases  # the last purge of its threads does


def test_rows_go_a_few_at_a_time_and_erase_when_none_is_left(store: sqlite3.Connection) -> None:
    store.execute("UPDATE log SET payload = zeroblob(?) WHERE thread = 1", (BYTES_AT_ONCE,))
    Deletion([1])(store)
    keys, seen = [1], []
    while keys:
        purge = PurgeThreads(keys)
        purge(store)
        left = [
            store.execute(f"SELECT count(*) FROM {table} WHERE thread = 1").fetchone()[0] for table in ("log", "blob")
        ]
        seen.append((*left, purge.erases))
    assert seen == [(1, 1, False), (0, 1, False), (0, 0, True)]


def test_erasing_leaves_nothing_in_the_write_ahead_log(store: sqlite3.Connection, tmp_path: Path) -> None:
    log = tmp_path / "events.db-wal"
    assert log.stat().st_size > 0
    erase(store)
    assert log.stat().st_size == 0
