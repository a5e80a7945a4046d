"""Questions to the event log in PostgreSQL.

What is an owner's, events above all, is asked as ``netra_reader``, with the owner named in the transaction of the question:
row-level security gives nothing else. What goes across owners is asked as ``netra_writer``, which reads no event.
"""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from ...core.blobs import BlobRef
from ...core.history import FRAME_WEIGHT, MAX_CHUNK_BYTES, ListedRun, Moved, RunPlace, StoredRun, StoredThread
from ...core.limits import USUAL, Limits
from .batch import storable
from .lease import ALIVE
from .ownership import RUN_COLUMNS
from .pool import PostgresConnectionPool

MOST_MOVED: Final = 1000
_CHUNK_FRAMES: Final = MAX_CHUNK_BYTES // FRAME_WEIGHT

# The owner is named in the statement's own transaction, before the first row is looked at: what follows depends on it.
AS_OWNER: Final = "(SELECT set_config('netra.owner', $1, true) AS owner OFFSET 0) AS asked CROSS JOIN LATERAL"
_THREADS: Final = f"""
SELECT found.* FROM {AS_OWNER} (
    SELECT t.thread_id, t.epoch, t.title, t.created, t.updated, t.oldest, t.top FROM thread t
    WHERE t.owner = asked.owner AND ($2 = '' OR position(lower($2) IN lower(t.title)) > 0)
        AND (t.updated, t.thread_id) < ($3::bigint, $4::text)
    ORDER BY t.updated DESC, t.thread_id DESC LIMIT $5
) AS found ORDER BY found.updated DESC, found.thread_id DESC
"""
_IN_ORDER: Final = "(t.thread_id = $4) DESC, t.updated DESC, t.thread_id DESC"
_RUNS: Final = f"""
SELECT found.updated, last.payload, {", ".join(f"found.{name.strip()}" for name in RUN_COLUMNS.split(","))}
FROM {AS_OWNER} (
    SELECT t.updated, r.*, row_number() OVER (ORDER BY {_IN_ORDER}, r.seq DESC) AS place FROM (
        SELECT t.thread_id, t.updated FROM thread t
        WHERE t.owner = asked.owner AND ($2 = '' OR t.thread_id = $2)
            AND (t.thread_id = $4 OR (t.updated, t.thread_id) < ($3::bigint, $4::text))
        ORDER BY {_IN_ORDER} LIMIT $6 + 1  -- that of the place may have no more runs
    ) AS t CROSS JOIN LATERAL (
        SELECT * FROM run r WHERE r.owner = asked.owner AND r.thread_id = t.thread_id
            AND (t.thread_id <> $4 OR r.seq < $5) ORDER BY r.seq DESC LIMIT $6
    ) AS r ORDER BY {_IN_ORDER}, r.seq DESC LIMIT $6
) AS found CROSS JOIN LATERAL (
    SELECT l.payload FROM log l WHERE l.owner = asked.owner AND l.thread_id = found.thread_id AND l.run_id = found.run_id
        AND (found.ended = 0 OR l.seq <= found.ended) ORDER BY l.seq DESC LIMIT 1
) AS last ORDER BY found.place
"""
_BLOB: Final = f"""
SELECT found.body, found.media FROM {AS_OWNER} (
    SELECT b.body, b.media FROM blob b WHERE b.owner = asked.owner AND b.thread_id = $2 AND b.ref = $3
) AS found
"""
_BLOB_REFS: Final = f"""
SELECT found.* FROM {AS_OWNER} (
    SELECT b.ref, octet_length(b.body), b.media FROM blob b
    WHERE b.owner = asked.owner AND b.thread_id = $2 AND b.ref > $3 ORDER BY b.ref LIMIT $4
) AS found ORDER BY found.ref
"""
_HEADS: Final = "SELECT thread_id, owner, epoch, title, oldest, top FROM thread WHERE thread_id = ANY ($1::text[])"
_RUN: Final = f"SELECT {RUN_COLUMNS} FROM run WHERE run_id = $1"
_REQUESTS: Final = f"""
SELECT asked.i, {", ".join(f"r.{name.strip()}" for name in RUN_COLUMNS.split(","))}
FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS asked (owner, key, since, i)
JOIN request q ON q.owner = asked.owner AND q.key = asked.key AND q.created >= asked.since
JOIN run r ON r.run_id = q.run_id
"""
_REQUESTS_AFTER: Final = """
SELECT owner, key, created FROM request WHERE (owner, key) > ($1, $2) ORDER BY owner, key LIMIT $3
"""
_HOLDERS: Final = f"""
SELECT r.run_id, t.holder FROM run r JOIN thread t ON t.thread_id = r.thread_id
WHERE r.owner = $1 AND r.ended = 0 AND t.holder <> $2 AND {ALIVE}
"""
_MOVED: Final = f"""
SELECT t.owner, t.thread_id, t.epoch, t.top, since.at FROM (
    SELECT l.thread_id, max(l.at) AS at FROM log l WHERE l.at >= $2 AND l.owner = ANY ($1::text[]) GROUP BY l.thread_id
) AS since JOIN thread t ON t.thread_id = since.thread_id WHERE t.owner <> '' ORDER BY since.at LIMIT {MOST_MOVED}
"""
_NEWEST: Final = "SELECT coalesce(max(at), 0) AS at FROM log"
_MINE: Final = "SELECT thread_id FROM thread WHERE owner = $1"
_UNTOUCHED: Final = f"""
SELECT t.owner, t.thread_id, t.top FROM thread t WHERE t.updated < $1 AND t.owner <> '' AND (t.holder IS NULL OR NOT {ALIVE})
    AND NOT EXISTS (SELECT FROM run r WHERE r.owner = t.owner AND r.thread_id = t.thread_id AND r.ended = 0)
"""

Key = tuple[str, str, int]
"""Owner, idempotency key, and since when it counts."""


def _page(events: int, most_bytes: int) -> str:
    """One page of a thread: whole rows, one at least, and no more than these events and bytes."""
    return f"""
SELECT found.seq, found.payload FROM {AS_OWNER} (
    SELECT l.seq, l.payload, row_number() OVER so_far AS place, sum(l.n) OVER so_far AS events,
        sum(octet_length(l.payload)) OVER so_far AS bytes
    FROM log l WHERE l.owner = asked.owner AND l.thread_id = $2 AND l.seq > $3 - {_CHUNK_FRAMES} AND l.seq + l.n > $3 + 1
        AND l.seq <= $4
    WINDOW so_far AS (ORDER BY l.seq ROWS UNBOUNDED PRECEDING) ORDER BY l.seq LIMIT {events}
) AS found
WHERE found.place = 1 OR (found.events <= {events} AND found.bytes <= {most_bytes}) ORDER BY found.seq
"""


def _run_page(events: int, most_bytes: int) -> str:
    """The same of one run; a row that does not hold what is looked for is there without its payload."""
    return f"""
SELECT found.seq, CASE WHEN position($6::bytea IN found.payload) > 0 THEN found.payload END FROM {AS_OWNER} (
    SELECT l.seq, l.payload, row_number() OVER so_far AS place, sum(octet_length(l.payload)) OVER so_far AS bytes
    FROM log l WHERE l.owner = asked.owner AND l.thread_id = $2 AND l.seq >= $3 AND l.seq <= $4 AND l.run_id = $5
    WINDOW so_far AS (ORDER BY l.seq ROWS UNBOUNDED PRECEDING) ORDER BY l.seq LIMIT {events}
) AS found
WHERE found.place = 1 OR found.bytes <= {most_bytes} ORDER BY found.seq
"""


class PostgresReader:
    """Reads over two sets of connections, one of each role."""

    def __init__(
        self, readers: PostgresConnectionPool, writers: PostgresConnectionPool, limits: Limits = USUAL
    ) -> None:
        page = limits.replay_page_events, limits.replay_page_bytes
        self._page, self._run_page = _page(*page), _run_page(*page)
        self._readers = readers
        self._writers = writers

    async def pages(self, owner: str, thread_id: str, after: int, upto: int) -> AsyncIterator[list[bytes]]:
        """``ports.EventLog.pages`` of the owner's thread."""
        while after < upto:
            rows = await self._readers.ask(self._page, owner, thread_id, after, upto)
            frames: list[bytes] = []
            for seq, payload in rows:
                for frame in payload.split(b"\n"):
                    if after < seq <= upto:
                        frames.append(frame)
                        after = seq
                    seq += 1
            if not frames:  # the thread was deleted meanwhile
                return
            yield frames

    async def run_pages(self, run: StoredRun, upto: int, holding: bytes = b"") -> AsyncIterator[list[bytes]]:
        """``ports.EventLog.run_pages``; ``upto`` is the thread's newest position."""
        asked = run.owner, run.thread_id
        start, end = run.seq, run.ended_seq or upto
        while rows := await self._readers.ask(self._run_page, *asked, start, end, run.run_id, holding):
            found = (payload.split(b"\n") for _, payload in rows if payload is not None)
            if frames := [frame for each in found for frame in each if holding in frame]:
                yield frames
            start = rows[-1]["seq"] + 1

    async def threads(
        self, owner: str, limit: int, search: str, before_ms: int | None, before_id: str
    ) -> list[StoredThread]:
        """``ports.EventLog.threads``."""
        before = 1 << 62 if before_ms is None else before_ms
        rows = await self._readers.ask(_THREADS, owner, storable(search), before, storable(before_id), limit)
        return [StoredThread(*row) for row in rows]

    async def runs(self, owner: str, limit: int, thread_id: str, after: RunPlace | None) -> list[ListedRun]:
        """``ports.EventLog.runs``."""
        place = after or RunPlace(1 << 62, "", 0)
        asked = storable(thread_id), place.updated_ms, storable(place.thread_id), place.seq, limit
        rows = await self._readers.ask(_RUNS, owner, *asked)
        return [
            ListedRun(StoredRun(*stored), updated_ms, payload.rpartition(b"\n")[2])
            for updated_ms, payload, *stored in map(tuple, rows)
        ]

    async def blob(self, owner: str, thread_id: str, ref: str) -> tuple[bytes, str] | None:
        """``ports.EventLog.blob``."""
        rows = await self._readers.ask(_BLOB, owner, thread_id, ref)
        return (rows[0]["body"], rows[0]["media"]) if rows else None

    async def blob_refs(self, owner: str, thread_id: str, after: str, most: int) -> list[BlobRef]:
        """The blobs of the owner's thread that come after this one, by their refs."""
        return [BlobRef(*row) for row in await self._readers.ask(_BLOB_REFS, owner, thread_id, after, most)]

    async def heads(self, thread_ids: list[str]) -> dict[str, Any]:
        """``thread_id, owner, epoch, title, oldest, top`` of threads, whoever owns them."""
        return {row["thread_id"]: row for row in await self._writers.ask(_HEADS, thread_ids)}

    async def run(self, run_id: str) -> StoredRun | None:
        """A run, whoever owns it."""
        rows = await self._writers.ask(_RUN, run_id)
        return StoredRun(*rows[0]) if rows else None

    async def requests(self, keys: list[Key]) -> dict[Key, StoredRun]:
        """The runs that idempotency keys began."""
        columns = list(zip(*keys, strict=True))
        rows = await self._writers.ask(_REQUESTS, *columns)
        return {keys[row[0] - 1]: StoredRun(*tuple(row)[1:]) for row in rows}

    async def requests_after(self, after: tuple[str, str], most: int) -> list[tuple[str, str, int]]:
        """Owner, idempotency key and time of the requests that come next in their order, whoever's."""
        return [tuple(row) for row in await self._writers.ask(_REQUESTS_AFTER, *after, most)]

    async def holders(self, owner: str, but: str) -> dict[str, str]:
        """The owner's unfinished runs that living processes hold, without the process ``but``."""
        return {row["run_id"]: row["holder"] for row in await self._writers.ask(_HOLDERS, owner, but)}

    async def moved(self, owners: Sequence[str], since_ms: int) -> list[Moved]:
        """``ports.EventLog.moved``."""
        if not owners:
            return []
        return [Moved(*row) for row in await self._writers.ask(_MOVED, list(owners), since_ms)]

    async def newest_ms(self) -> int:
        """``ports.EventLog.newest_ms``."""
        (row,) = await self._writers.ask(_NEWEST)
        return int(row["at"])

    async def threads_of(self, owner: str) -> list[str]:
        """The ids of all threads of the owner."""
        return [row["thread_id"] for row in await self._writers.ask(_MINE, owner)]

    async def untouched(self, before_ms: int) -> list[tuple[str, str, int]]:
        """``owner, thread_id, top`` of threads that had no event since then, have no unfinished run and no living holder."""
        return [tuple(row) for row in await self._writers.ask(_UNTOUCHED, before_ms)]
