"""Reading pages of a history: which rows, how much at once, and what happens when they go away meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest

from netra_backend.app.adapters.sqlite import reader, schema
from netra_backend.app.core.history import RunPlace
from netra_backend.app.core.limits import USUAL, Limits

T = TypeVar("T")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(schema.open_writer(tmp_path / "events.db")) as connection:
        yield connection


def fill(store: sqlite3.Connection, *chunks: tuple[int, bytes]) -> list[int]:
    """Rows of ``count`` frames each, of one thread; another thread's rows lie between them."""
    seq, prev, rows = 1, 0, []
    for number, (count, frame) in enumerate(chunks):
        row = 2 * number + 1
        payload = b"\n".join([frame] * count)
        store.execute("INSERT INTO log VALUES (?, 1, ?, ?, 'run_a', ?, ?)", (row, seq, count, prev, payload))
        store.execute("INSERT INTO log VALUES (?, 2, 1, 1, 'run_b', 0, 'theirs')", (row + 1,))
        seq, prev = seq + count, row
        rows.append(row)
    store.execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?, 0)", (seq - 1, prev))
    return rows


def finished(slices: reader.Slices[T]) -> tuple[T, int]:
    """What it comes to, and after how many slices."""
    number = 1
    while True:
        try:
            next(slices)
        except StopIteration as end:
            result: T = end.value
            return result, number
        number += 1


def rows_between(store: sqlite3.Connection, key: int, after: int, upto: int) -> list[int]:
    return finished(reader.rows_between(store, key, after, upto))[0]


def pages(store: sqlite3.Connection, after: int, upto: int) -> list[list[bytes]]:
    rows, start, found = rows_between(store, 1, after, upto), 0, []
    while start < len(rows):
        page, start = reader.page(store, rows, start, after, upto)
        found.append(page)
    return found


def test_only_rows_that_hold_what_is_asked_for_are_read(store: sqlite3.Connection) -> None:
    rows = fill(store, (3, b"a"), (2, b"b"), (4, b"c"))
    assert rows_between(store, 1, 0, 9) == rows
    assert rows_between(store, 1, 3, 5) == [rows[1]]
    assert rows_between(store, 1, 2, 6) == rows
    assert rows_between(store, 1, 9, 20) == []
    assert rows_between(store, 3, 0, 9) == []


def test_a_page_starts_and_ends_in_the_middle_of_a_row_where_that_is_asked_for(store: sqlite3.Connection) -> None:
    fill(store, (3, b"a"), (2, b"b"), (4, b"c"))
    assert pages(store, 2, 7) == [[b"a", b"b", b"b", b"c", b"c"]]


def test_a_row_is_never_split_over_pages(store: sqlite3.Connection) -> None:
    fill(store, (200, b"a"), (150, b"b"), (150, b"c"), (1, b"d"))
    assert [len(page) for page in pages(store, 0, 501)] == [200, 300, 1]


def test_a_page_ends_before_the_row_that_would_make_it_too_large(store: sqlite3.Connection) -> None:
    fill(store, (1, b"a" * 600_000), (1, b"b" * 600_000), (1, b"c"))
    assert [sum(map(len, page)) for page in pages(store, 0, 3)] == [600_000, 600_001]


def test_one_row_that_is_larger_than_a_page_is_a_page(store: sqlite3.Connection) -> None:
    fill(store, (2, b"a" * USUAL.replay_page_bytes), (1, b"b"))
    assert [len(page) for page in pages(store, 0, 3)] == [2, 1]


def test_a_history_that_is_deleted_while_it_is_read_ends_there(store: sqlite3.Connection) -> None:
    rows = fill(store, (200, b"a"), (200, b"b"), (200, b"c"))
    first, start = reader.page(store, rows, 0, 0, 600)
    store.execute("DELETE FROM log")
    assert (len(first), start) == (200, 1)
    assert reader.page(store, rows, start, 0, 600) == ([], 3)


def test_the_owner_of_a_deleted_thread_is_nobody(store: sqlite3.Connection) -> None:
    store.execute("INSERT INTO thread VALUES (7, 'thr_1', '', '', '', 5, 1)")
    assert reader.head(store, "thr_1") == (7, "", "", "", 1, 0, 0)
    assert reader.threads_of(store, "user_ada") == []
    assert reader.untouched(store, 99) == []


def test_keys_are_looked_at_in_their_order_page_by_page_by_the_tables_own_order(store: sqlite3.Connection) -> None:
    keys = [(owner, f"k{number}", number) for owner in ("user_a", "user_b") for number in range(3)]
    store.executemany("INSERT INTO request VALUES (?, ?, 'run_1', ?)", reversed(keys))
    assert reader.requests_after(store, ("", ""), 4) == keys[:4]
    assert reader.requests_after(store, ("user_b", "k0"), 4) == keys[4:]
    assert reader.requests_after(store, ("user_b", "k2"), 4) == []
    question = (
        "EXPLAIN QUERY PLAN SELECT owner FROM request WHERE (owner, key) > ('a', 'b') ORDER BY owner, key LIMIT 4"
    )
    (step,) = [row[3] for row in store.execute(question)]
    assert step.startswith("SEARCH request USING")  # neither a look at the whole table nor sorting


def test_a_page_has_as_many_events_and_bytes_as_are_set(store: sqlite3.Connection) -> None:
    rows = fill(store, (2, b"a"), (2, b"b"), (2, b"c" * 50))
    assert len(reader.page(store, rows, 0, 0, 6, Limits(replay_page_events=4))[0]) == 4
    assert len(reader.page(store, rows, 0, 0, 6, Limits(replay_page_events=5))[0]) == 4
    assert len(reader.page(store, rows, 0, 0, 6, Limits(replay_page_bytes=100))[0]) == 4
    assert len(reader.page(store, rows, 0, 0, 6, Limits(replay_page_bytes=110))[0]) == 6


def test_a_long_thread_is_walked_over_in_slices(store: sqlite3.Connection) -> None:
    rows = fill(store, *[(1, b"a")] * 2500)
    assert finished(reader.rows_between(store, 1, 0, 2500)) == (rows, 3)
    assert finished(reader.rows_between(store, 1, 0, 2)) == (rows[:2], 3)
    assert finished(reader.rows_between(store, 1, 1499, 2500)) == (rows[1499:], 2)


def test_a_thread_that_is_deleted_while_it_is_walked_over_ends_there(store: sqlite3.Connection) -> None:
    rows = fill(store, *[(1, b"a")] * 2500)
    walk = reader.rows_between(store, 1, 0, 2500)
    next(walk)
    store.execute("DELETE FROM log")
    assert finished(walk) == (rows[1500:], 1)


def test_of_a_run_only_its_rows_that_hold_what_is_looked_for_are_read(store: sqlite3.Connection) -> None:
    rows = fill(store, (3, b"a"), (2, b"look"), (1, b"c"))
    store.execute("UPDATE log SET run = 'run_c' WHERE id = ?", (rows[2],))
    assert reader.page(store, rows, 0, 0, 6, USUAL, "run_a", b"oo") == ([b"look"] * 2, 3)
    assert reader.page(store, rows, 0, 0, 6, USUAL, "run_a") == ([b"a"] * 3 + [b"look"] * 2, 3)
    assert reader.page(store, rows, 0, 0, 6, Limits(replay_page_events=4), "run_a", b"oo") == ([], 1)


def test_the_runs_of_a_long_thread_are_found_in_slices(store: sqlite3.Connection) -> None:
    fill(store, *[(1, b"a")] * 2500)
    store.execute("INSERT INTO thread VALUES (1, 'thr_1', 'user_ada', 'e', '', 5, 1)")
    store.execute("UPDATE log SET run = 'run_' || seq")
    store.execute("INSERT INTO run SELECT run, 1, 'echo', '', 'UTC', 0, seq, seq FROM log WHERE thread = 1")
    place = RunPlace(1 << 60, "thr_1", 3)

    def found(limit: int, after: RunPlace | None) -> tuple[list[int], int]:
        listed, slices = finished(reader.runs(store, "user_ada", limit, "thr_1", after))
        return [each.run.seq for each in listed], slices

    assert found(9, place) == ([2, 1], 3)
    assert found(2, None) == ([2500, 2499], 1)
    listed, slices = found(200, None)
    assert (listed, slices > 10) == (list(range(2500, 2300, -1)), True)
