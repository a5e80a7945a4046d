"""Which process may append to which thread: taking hold, taking over, letting go; by the thread's row and its fence.

One of these goes on at a time, so that two answers about a thread never overtake each other.
"""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ...core.history import StoredRun, ThreadHead
from .lease import ALIVE
from .pool import PostgresConnectionPool

RUN_COLUMNS: Final = "run_id, owner, thread_id, agent, request_id, timezone, created, seq, ended"
_STATE: Final = "t.thread_id, t.owner, t.epoch, t.title, t.oldest, t.top, t.fence"

# Whether a hold survives a crash of the database does not matter: what is appended under it is not stored before it is, and
# only by its holder. So its commit waits for no disk; but where runs were left, which then go on under their old ids, nobody
# else may come to hold the thread under the same fence.
_ACQUIRE: Final = f"""
WITH held AS (
UPDATE thread AS t SET holder = $2, fence = t.fence + 1 FROM unnest($1::text[]) AS asked (id)
WHERE t.thread_id = asked.id AND t.owner <> '' AND (t.holder IS NULL OR t.holder = $2 OR NOT {ALIVE})
RETURNING {_STATE},
    EXISTS (SELECT FROM run r WHERE r.owner = t.owner AND r.thread_id = t.thread_id AND r.ended = 0) AS left
)
SELECT *, set_config('synchronous_commit', CASE WHEN bool_or(held.left) OVER () THEN current_setting('synchronous_commit')
    ELSE 'off' END, true) AS soon FROM held
"""
_WHY_NOT: Final = "SELECT thread_id, owner, holder FROM thread WHERE thread_id = ANY($1::text[])"
_TAKE_OVER: Final = f"""
WITH due AS (
    SELECT t.thread_id FROM thread t
    WHERE t.thread_id IN (SELECT r.thread_id FROM run r WHERE r.ended = 0)
        AND t.thread_id <> ALL ($3::text[]) AND t.owner <> '' AND (t.holder IS NULL OR t.holder = $1 OR NOT {ALIVE})
    LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE thread AS t SET holder = $1, fence = t.fence + 1 FROM due WHERE t.thread_id = due.thread_id
RETURNING {_STATE}
"""
_OPEN_RUNS: Final = f"""
SELECT {RUN_COLUMNS} FROM run WHERE ended = 0 AND thread_id = ANY ($1::text[]) ORDER BY thread_id, seq
"""
_RELEASE: Final = """
UPDATE thread AS t SET holder = NULL FROM unnest($1::text[], $2::bigint[]) AS asked (id, fence)
WHERE t.thread_id = asked.id AND t.fence = asked.fence AND t.holder = $3
"""
_LOST: Final = """
SELECT asked.i FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS asked (id, fence, i)
LEFT JOIN thread t ON t.thread_id = asked.id AND t.fence = asked.fence AND t.holder = $3 WHERE t.thread_id IS NULL
"""

_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class AcquiredThread:
    """A thread as it was stored when this process took hold of it, and the runs that were left in it."""

    thread_id: str
    owner: str
    epoch: str
    title: str
    oldest: int
    top: int
    fence: int
    left: Sequence[StoredRun] = ()


@dataclass(frozen=True, slots=True)
class NotAcquired:
    """A thread that another living process holds (``holder``), or that was deleted (``None``)."""

    holder: str | None


class PostgresThreadOwnership:
    """What one process asks of the rows of threads."""

    def __init__(self, lines: PostgresConnectionPool, process_id: str) -> None:
        self._lines = lines
        self._process_id = process_id
        self._one = asyncio.Lock()

    async def acquire(self, thread_ids: list[str]) -> dict[str, AcquiredThread | NotAcquired]:
        """Take hold of those that nobody else holds. A thread that is not stored is not answered, nor one that goes from hand to
        hand all the while."""
        found: dict[str, AcquiredThread | NotAcquired] = {}
        asked = sorted(thread_ids)
        async with self._one:
            for _ in range(_TRIES):
                rows = await self._lines.ask(_ACQUIRE, asked, self._process_id)
                left = await self._open_runs([row["thread_id"] for row in rows if row["left"]])
                found.update((row["thread_id"], _held(row, left)) for row in rows)
                others = [thread_id for thread_id in asked if thread_id not in found]
                asked = []
                for row in await self._lines.ask(_WHY_NOT, others) if others else ():
                    if row["owner"] and row["holder"] in (None, self._process_id):  # it was let go of in between
                        asked.append(row["thread_id"])
                    else:
                        found[row["thread_id"]] = NotAcquired(row["holder"] if row["owner"] else None)
                if not asked:
                    break
        return found

    async def take_over(self, limit: int, known: Callable[[], list[str]]) -> list[AcquiredThread]:
        """Take hold of at most ``limit`` threads that have unfinished runs and no living holder but this process, none of
        those that it knows of."""
        async with self._one:
            rows = await self._lines.ask(_TAKE_OVER, self._process_id, limit, known())
            left = await self._open_runs([row["thread_id"] for row in rows])
            return [_held(row, left) for row in rows]

    async def release(self, heads: Sequence[tuple[str, int]]) -> None:
        """Let go of threads (id and fence) where they are still held so."""
        if heads:
            async with self._one:
                await self._lines.ask(_RELEASE, *_columns(heads), self._process_id)

    async def lost(self, heads: Sequence[ThreadHead]) -> list[ThreadHead]:
        """Those of ``heads`` that are no longer held as they say."""
        if not heads:
            return []
        rows = await self._lines.ask(
            _LOST, *_columns([(head.thread_id, head.fence) for head in heads]), self._process_id
        )
        return [heads[row["i"] - 1] for row in rows]

    async def _open_runs(self, thread_ids: list[str]) -> dict[str, list[StoredRun]]:
        left: dict[str, list[StoredRun]] = {}
        if thread_ids:
            for row in await self._lines.ask(_OPEN_RUNS, thread_ids):
                left.setdefault(row["thread_id"], []).append(StoredRun(*row))
        return left


def _held(row: Any, left: dict[str, list[StoredRun]]) -> AcquiredThread:
    thread_id, owner, epoch, title, oldest, top, fence, *_ = row
    return AcquiredThread(thread_id, owner, epoch, title, oldest, top, fence, left.get(thread_id, ()))


def _columns(pairs: Sequence[tuple[str, int]]) -> tuple[list[str], list[int]]:
    return [each[0] for each in pairs], [each[1] for each in pairs]
