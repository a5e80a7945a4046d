"""The writing thread: order, groups, and the end after a failure."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from netra_backend.app.adapters.sqlite import schema
from netra_backend.app.adapters.sqlite.changes import Change, Rename
from netra_backend.app.adapters.sqlite.writer import SqliteWriter
from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead


class Written:
    """A writer over a file, with what it told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.groups: list[tuple[list[Chunk], list[Change]]] = []
        self.errors: list[BaseException] = []
        self.told = threading.Event()
        self.connection = schema.open_writer(path)
        self.writer = SqliteWriter(self.connection, self.committed, self.failed, lambda: 77)

    def committed(self, chunks: list[Chunk], changes: list[Change]) -> None:
        self.groups.append((chunks, changes))
        self.told.set()

    def failed(self, error: BaseException) -> None:
        self.errors.append(error)
        self.told.set()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.path) as reader:
            found = reader.execute(query).fetchall()
        reader.close()
        return found


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    made = Written(tmp_path / "events.db")
    yield made
    made.connection.close()


def chunk_of(run: RunRecord, first: int, *frames: bytes, ends: bool = False) -> Chunk:
    chunk = Chunk(run, first)
    chunk.frames = list(frames)
    chunk.ends = ends
    return chunk


def run_of(head: ThreadHead, name: str, key: str | None = None) -> RunRecord:
    return RunRecord(head, f"run_{name}", f"req_{name}", "golden", key, "UTC", 5)


def test_what_waits_together_is_one_commit_in_the_order_it_came(written: Written) -> None:
    head = ThreadHead("user_ada", "thr_1", "e", 1, title="old")
    run, other = run_of(head, "a", "k1"), run_of(head, "b")
    first, second, third = chunk_of(run, 1, b"1", b"2"), chunk_of(other, 3, b"3"), chunk_of(run, 4, b"4", ends=True)
    rename = Rename(1, "new")
    for work in ([first, second], rename, [third]):
        written.writer.put(work)
    written.writer.start()
    written.writer.stop()
    assert written.groups == [([first, second, third], [rename])]
    assert written.rows("SELECT id, thread, seq, n, run, prev, payload FROM log") == [
        (1, 1, 1, 2, "run_a", 0, b"1\n2"),
        (2, 1, 3, 1, "run_b", 1, b"3"),
        (3, 1, 4, 1, "run_a", 2, b"4"),
    ]
    assert written.rows("SELECT thread_id, owner, epoch, title FROM thread") == [("thr_1", "user_ada", "e", "new")]
    assert written.rows("SELECT * FROM head") == [(1, 4, 3, 77)]
    assert written.rows("SELECT run_id, seq, ended FROM run") == [("run_a", 1, 4), ("run_b", 3, 0)]
    assert written.rows("SELECT * FROM request") == [("user_ada", "k1", "run_a", 5)]


def test_a_run_that_ends_in_its_first_chunk_is_stored_as_ended(written: Written) -> None:
    run = run_of(ThreadHead("user_ada", "thr_1", "e", 1), "a")
    written.writer.put([chunk_of(run, 1, b"1", b"2", ends=True)])
    written.writer.start()
    written.writer.stop()
    assert written.rows("SELECT seq, ended FROM run") == [(1, 2)]


def test_row_numbers_go_on_where_the_file_ended(written: Written) -> None:
    written.connection.execute("INSERT INTO log VALUES (41, 9, 1, 1, 'run_x', 0, 'x')")
    writer = SqliteWriter(written.connection, written.committed, written.failed, lambda: 77)
    writer.put([chunk_of(run_of(ThreadHead("user_ada", "thr_1", "e", 1), "a"), 1, b"1")])
    writer.start()
    writer.stop()
    assert written.rows("SELECT max(id) FROM log") == [(42,)]


def test_after_a_failed_commit_nothing_more_is_written(written: Written) -> None:
    head = ThreadHead("user_ada", "thr_1", "e", 1)
    run = run_of(head, "a")
    written.writer.put([chunk_of(run, 1, b"1")])
    written.writer.start()
    assert written.told.wait(20)
    written.told.clear()
    twice = run_of(head, "a")  # the same run id as a new run: the store refuses it
    written.writer.put([chunk_of(run, 2, b"2"), chunk_of(twice, 3, b"3")])
    assert written.told.wait(20)
    written.writer.put([chunk_of(run, 4, b"4")])
    written.writer.stop()
    assert [type(error) for error in written.errors] == [sqlite3.IntegrityError]
    assert len(written.groups) == 1
    assert written.rows("SELECT seq FROM log") == [(1,)]


def test_it_can_be_stopped_without_ever_having_written(written: Written) -> None:
    written.writer.start()
    written.writer.stop()
    assert written.errors == []
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        written.connection.execute("SELECT 1")
