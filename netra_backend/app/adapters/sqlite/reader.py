"""Queries on the embedded event log, each on a connection that cannot write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Final

from ...core.blobs import BlobRef
from ...core.history import ListedRun, RunPlace, StoredRun, StoredThread
from ...core.limits import USUAL, Limits

_CHAIN = """
WITH RECURSIVE chain(id, seq, n, prev) AS (
    SELECT log.id, log.seq, log.n, log.prev FROM head JOIN log ON log.id = head.row WHERE head.key = :key
    UNION ALL
    SELECT log.id, log.seq, log.n, log.prev FROM chain JOIN log ON log.id = chain.prev WHERE chain.seq > :after + 1
)
SELECT id FROM chain WHERE seq <= :upto AND seq + n - 1 > :after ORDER BY id
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
SELECT key, thread_id, updated, row FROM thread JOIN head USING (key)
WHERE owner = :owner AND (:thread_id = '' OR thread_id = :thread_id) AND (updated, thread_id) < (:before, :before_id)
ORDER BY updated DESC, thread_id DESC LIMIT :limit
"""
_FAR: Final = 1 << 62


def rows_between(connection: sqlite3.Connection, key: int, after: int, upto: int) -> list[int]:
    """The rows of a thread that hold positions above ``after`` up to ``upto``, in order."""
    return [row for (row,) in connection.execute(_CHAIN, {"key": key, "after": after, "upto": upto})]


def page(
    connection: sqlite3.Connection, rows: Sequence[int], start: int, after: int, upto: int, limits: Limits = USUAL
) -> tuple[list[bytes], int]:
    """Frames of ``rows[start:]`` up to one page, and the index of the first row that was not read.

    A row is never split over pages: a page ends before the row that would go over its bounds, and has one row at least
    (a row is a chunk, and so smaller than a page).
    """
    most_bytes, most_events = limits.replay_page_bytes, limits.replay_page_events
    frames: list[bytes] = []
    size = 0
    index = start
    while index < len(rows):
        found = connection.execute("SELECT seq, n, payload FROM log WHERE id = ?", (rows[index],)).fetchone()
        if found is None:  # the thread was deleted meanwhile
            return frames, len(rows)
        seq, count, payload = found
        if frames and (size + len(payload) > most_bytes or len(frames) + count > most_events):
            break
        index += 1
        for frame in payload.split(b"\n"):
            if after < seq <= upto:
                frames.append(frame)
                size += len(frame)
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
) -> list[ListedRun]:
    """``ports.EventLog.runs``."""
    found: list[ListedRun] = []
    for key, updated_ms, row, below in _threads_of_runs(connection, owner, limit, thread_id, after):
        for stored, last in _runs_of(connection, key, row, below):
            found.append(ListedRun(stored, updated_ms, last))
            if len(found) == limit:
                return found
    return found


def _threads_of_runs(
    connection: sqlite3.Connection, owner: str, limit: int, thread_id: str, after: RunPlace | None
) -> Iterator[tuple[int, int, int, int]]:
    """``key, updated, row`` of the threads to look into, in order, and below which position."""
    asked = {"owner": owner, "thread_id": thread_id, "before": _FAR, "before_id": "", "limit": limit}
    if after is not None:
        if after.thread_id and thread_id in ("", after.thread_id):
            for key, _, updated_ms, row in connection.execute(_THREADS_OF_RUNS, asked | {"thread_id": after.thread_id}):
                yield key, updated_ms, row, after.seq
        asked |= {"before": after.updated_ms, "before_id": after.thread_id}
    for key, found_id, updated_ms, row in connection.execute(_THREADS_OF_RUNS, asked):
        if after is None or found_id != after.thread_id:
            yield key, updated_ms, row, _FAR


def _runs_of(connection: sqlite3.Connection, key: int, row: int, below: int) -> Iterator[tuple[StoredRun, bytes]]:
    """The runs of a thread that begin below a position, the newest first, each with its newest event. The thread's rows are
    read from its end, and no further than needed."""
    seen: set[str] = set()
    waiting: list[tuple[int, StoredRun, bytes]] = []  # what was met, until every run that is newer has been met
    while row:
        found = connection.execute("SELECT seq, run, prev FROM log WHERE id = ?", (row,)).fetchone()
        if found is None:  # the thread was deleted meanwhile
            return
        seq, run_id, prev = found
        if run_id not in seen:
            seen.add(run_id)
            stored = run(connection, run_id)
            if stored is not None and stored.seq < below:
                (payload,) = connection.execute("SELECT payload FROM log WHERE id = ?", (row,)).fetchone()
                heappush(waiting, (-stored.seq, stored, payload.rpartition(b"\n")[2]))
        while waiting and -waiting[0][0] >= seq:
            _, stored, last = heappop(waiting)
            yield stored, last
        row = prev


def run_frames(connection: sqlite3.Connection, key: int, stored: StoredRun, upto: int) -> Iterator[bytes]:
    """The frames of one run; ``upto`` is the thread's newest position."""
    for row in rows_between(connection, key, stored.seq - 1, stored.ended_seq or upto):
        found = connection.execute("SELECT run, payload FROM log WHERE id = ?", (row,)).fetchone()
        if found is not None and found[0] == stored.run_id:
            yield from found[1].split(b"\n")


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
