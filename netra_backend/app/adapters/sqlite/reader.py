"""Queries on the embedded event log, each on a connection that cannot write.

One that reads as much as a thread has does it in slices, between which others have their turns.
"""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from heapq import heappop, heappush
from operator import itemgetter
from typing import Final, TypeVar

from ...core.blobs import BlobRef
from ...core.history import ListedRun, RunPlace, StoredRun, StoredThread
from ...core.limits import USUAL, Limits

T = TypeVar("T")
Slices = Generator[None, None, T]
"""A query in slices, each of them quick."""

_ROWS: Final = 1000
"""Of a thread, as many are walked over in one slice."""
_RUNS: Final = 16
"""As many are read in one slice."""
_CHAIN: Final = f"""
WITH RECURSIVE chain(id, seq, n, run, prev) AS (
    SELECT id, seq, n, run, prev FROM log WHERE id = :row
    UNION ALL
    SELECT log.id, log.seq, log.n, log.run, log.prev FROM chain JOIN log ON log.id = chain.prev
    WHERE chain.seq > :after + 1 LIMIT {_ROWS}
)
"""
_ROWS_BETWEEN: Final = f"""{_CHAIN}
SELECT group_concat(id) FILTER (WHERE seq <= :upto AND seq + n - 1 > :after), min(id), seq, prev FROM chain
"""
_NEWEST_ROWS: Final = f"""{_CHAIN}
SELECT max(chain.id), chain.run, run.seq, min(chain.id) FROM chain LEFT JOIN run ON run.run_id = chain.run GROUP BY chain.run
"""
_RUN = """
SELECT run_id, owner, thread_id, agent, request_id, timezone, run.created, seq, ended
FROM run JOIN thread ON thread.key = run.thread
"""
_THREADS = """
SELECT thread_id, epoch, title, created, updated, oldest, top FROM thread JOIN head USING (key)
WHERE owner = :owner AND (:search = '' OR instr(lower(title), lower(:search)) > 0)
AND (updated, thread_id) < (:before, :before_id)
ORDER BY updated DESC, thread_id DESC LIMIT :limit
"""
_THREADS_OF_RUNS = """
SELECT thread_id, updated, row FROM thread JOIN head USING (key)
WHERE owner = :owner AND (:thread_id = '' OR thread_id = :thread_id) AND (updated, thread_id) < (:before, :before_id)
ORDER BY updated DESC, thread_id DESC LIMIT :limit
"""
_FAR: Final = 1 << 62


def rows_between(connection: sqlite3.Connection, key: int, after: int, upto: int) -> Slices[list[int]]:
    """The rows of a thread that hold positions above ``after`` up to ``upto``, in order."""
    rows: list[int] = []
    row = _newest_row(connection, key)
    while row:
        asked = {"row": row, "after": after, "upto": upto}
        found, last, seq, prev = connection.execute(_ROWS_BETWEEN, asked).fetchone()
        rows += map(int, found.split(",") if found else ())
        if last is None or seq <= after + 1:  # the thread was deleted meanwhile; or these were all
            break
        row = prev
        yield
    rows.sort()
    return rows


def _newest_row(connection: sqlite3.Connection, key: int) -> int:
    found = connection.execute("SELECT row FROM head WHERE key = ?", (key,)).fetchone()
    return 0 if found is None else found[0]


def page(
    connection: sqlite3.Connection,
    rows: Sequence[int],
    start: int,
    after: int,
    upto: int,
    limits: Limits = USUAL,
    run_id: str | None = None,
    holding: bytes = b"",
) -> tuple[list[bytes], int]:
    """Frames of ``rows[start:]`` up to one page, and the index of the first row that was not read; with ``run_id`` those of this
    run alone, and those alone that hold these bytes.

    A row is never split over pages: a page ends before the row that would go over its bounds, and has one row at least
    (a row is a chunk, and so smaller than a page).
    """
    most_bytes, most_events = limits.replay_page_bytes, limits.replay_page_events
    frames: list[bytes] = []
    size = events = 0
    index = start
    while index < len(rows):
        found = connection.execute("SELECT seq, n, run, payload FROM log WHERE id = ?", (rows[index],)).fetchone()
        if found is None:  # the thread was deleted meanwhile
            return frames, len(rows)
        seq, count, run, payload = found
        if events and (size + len(payload) > most_bytes or events + count > most_events):
            break
        index += 1
        events += count
        size += len(payload)
        if run_id not in (None, run) or holding not in payload:
            continue
        for frame in payload.split(b"\n"):
            if after < seq <= upto and holding in frame:
                frames.append(frame)
            seq += 1
    return frames, index


def run(connection: sqlite3.Connection, run_id: str) -> StoredRun | None:
    found = connection.execute(f"{_RUN} WHERE run_id = ?", (run_id,)).fetchone()
    return None if found is None else StoredRun(*found)


def unfinished(connection: sqlite3.Connection) -> list[StoredRun]:
    return [StoredRun(*found) for found in connection.execute(f"{_RUN} WHERE ended = 0 ORDER BY run.thread, seq")]


def request(connection: sqlite3.Connection, owner: str, key: str, since_ms: int) -> StoredRun | None:
    found = connection.execute(
        "SELECT run_id FROM request WHERE owner = ? AND key = ? AND created >= ?", (owner, key, since_ms)
    ).fetchone()
    return None if found is None else run(connection, found[0])


def keys_since(connection: sqlite3.Connection, since_ms: int) -> Iterator[tuple[str, str, int]]:
    """Owner, key and time of the idempotency keys since then."""
    yield from connection.execute("SELECT owner, key, created FROM request WHERE created >= ?", (since_ms,))


def requests_after(connection: sqlite3.Connection, after: tuple[str, str], most: int) -> list[tuple[str, str, int]]:
    """Owner, key and time of the idempotency keys that come next in their order."""
    return connection.execute(
        "SELECT owner, key, created FROM request WHERE (owner, key) > (?, ?) ORDER BY owner, key LIMIT ?",
        (*after, most),
    ).fetchall()


def threads_of(connection: sqlite3.Connection, owner: str) -> list[tuple[int, str]]:
    """``key, thread_id`` of all threads of the owner."""
    return connection.execute("SELECT key, thread_id FROM thread WHERE owner = ?", (owner,)).fetchall()


def untouched(connection: sqlite3.Connection, before_ms: int) -> list[tuple[int, str, int]]:
    """``key, thread_id, top`` of the threads that had no event since then."""
    return connection.execute(
        "SELECT key, thread_id, top FROM thread JOIN head USING (key) WHERE updated < ? AND owner <> ''", (before_ms,)
    ).fetchall()


def threads(
    connection: sqlite3.Connection, owner: str, limit: int, search: str, before_ms: int | None, before_id: str = ""
) -> list[StoredThread]:
    before = _FAR if before_ms is None else before_ms
    asked = {"owner": owner, "search": search, "before": before, "before_id": before_id, "limit": limit}
    return [StoredThread(*found) for found in connection.execute(_THREADS, asked)]


def runs(
    connection: sqlite3.Connection, owner: str, limit: int, thread_id: str, after: RunPlace | None
) -> Slices[list[ListedRun]]:
    """``ports.EventLog.runs``."""
    found: list[ListedRun] = []
    for updated_ms, row, below in _threads_of_runs(connection, owner, limit, thread_id, after):
        for newest in _runs_of(connection, row, below):
            if newest is not None:
                found.append(ListedRun(newest[0], updated_ms, newest[1]))
            if len(found) == limit:
                return found
            if newest is None or len(found) % _RUNS == 0:
                yield
    return found


def _threads_of_runs(
    connection: sqlite3.Connection, owner: str, limit: int, thread_id: str, after: RunPlace | None
) -> Iterator[tuple[int, int, int]]:
    """``updated, row`` of the threads to look into, in order, and below which position. Nothing stays open between two of
    them: what is being read cannot be erased."""
    asked = {"owner": owner, "thread_id": thread_id, "before": _FAR, "before_id": "", "limit": limit}
    if after is not None:
        if after.thread_id and thread_id in ("", after.thread_id):
            for _, updated_ms, row in connection.execute(
                _THREADS_OF_RUNS, asked | {"thread_id": after.thread_id}
            ).fetchall():
                yield updated_ms, row, after.seq
        asked |= {"before": after.updated_ms, "before_id": after.thread_id}
    for found_id, updated_ms, row in connection.execute(_THREADS_OF_RUNS, asked).fetchall():
        if after is None or found_id != after.thread_id:
            yield updated_ms, row, _FAR


def _runs_of(connection: sqlite3.Connection, row: int, below: int) -> Iterator[tuple[StoredRun, bytes] | None]:
    """The runs of a thread that begin below a position, the newest first, each with its newest event; ``None`` after so many
    rows. The thread's rows are read from its end, and no further than needed."""
    seen: set[str] = set()
    waiting: list[tuple[int, str, int]] = []  # what was met, until every run that is newer has been met
    while row:
        found = connection.execute(_NEWEST_ROWS, {"row": row, "after": 0}).fetchall()
        if not found:  # the thread was deleted meanwhile
            return
        for newest, run_id, first, _ in found:
            if run_id not in seen and first is not None and first < below:
                heappush(waiting, (-first, run_id, newest))
            seen.add(run_id)
        last = min(found, key=itemgetter(3))[3]
        end = connection.execute("SELECT seq, prev FROM log WHERE id = ?", (last,)).fetchone()
        if end is None:
            return
        seq, row = end
        while waiting and (not row or -waiting[0][0] >= seq):
            _, run_id, newest = heappop(waiting)
            stored = run(connection, run_id)
            payload = connection.execute("SELECT payload FROM log WHERE id = ?", (newest,)).fetchone()
            if stored is not None and payload is not None:
                yield stored, payload[0].rpartition(b"\n")[2]
        if row:
            yield None


def blob(connection: sqlite3.Connection, owner: str, thread_id: str, ref: str) -> tuple[bytes, str] | None:
    """``body, media`` of a blob in the owner's thread."""
    found: tuple[bytes, str] | None = connection.execute(
        "SELECT body, media FROM blob JOIN thread ON thread.key = blob.thread"
        " WHERE owner = ? AND thread_id = ? AND ref = ?",
        (owner, thread_id, ref),
    ).fetchone()
    return found


def blob_refs(connection: sqlite3.Connection, owner: str, thread_id: str, after: str, most: int) -> list[BlobRef]:
    """The blobs of the owner's thread that come after this one, by their refs."""
    found = connection.execute(
        "SELECT ref, length(body), media FROM blob JOIN thread ON thread.key = blob.thread"
        " WHERE owner = ? AND thread_id = ? AND ref > ? ORDER BY ref LIMIT ?",
        (owner, thread_id, after, most),
    )
    return [BlobRef(*each) for each in found]


def head(connection: sqlite3.Connection, thread_id: str) -> tuple[int, str, str, str, int, int, int] | None:
    """``key, owner, epoch, title, oldest, top, row`` of a thread."""
    found: tuple[int, str, str, str, int, int, int] | None = connection.execute(
        "SELECT key, owner, epoch, title, oldest, coalesce(top, 0), coalesce(row, 0)"
        " FROM thread LEFT JOIN head USING (key) WHERE thread_id = ?",
        (thread_id,),
    ).fetchone()
    return found
