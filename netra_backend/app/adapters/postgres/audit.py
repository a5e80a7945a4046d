"""The audit trail in PostgreSQL (``ports.Audit``): written in groups, from memory, while the server goes on."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

import asyncpg

from ...core.errors import DependencyUnavailable
from ..audit.rows import KEPT, ROOM, UNWRITABLE, Record, Trimming, bounded, pseudonym_for, shown, written
from .connection import TROUBLE, name_owner, unavailable

_BATCH: Final = 200  # small enough that writing down what it holds keeps nobody on the loop waiting
_AGAIN_S: Final = 1.0
_CLOSE_S: Final = 5.0
_INSERT: Final = """
INSERT INTO audit (at, owner, event, point, detail)
SELECT at, owner, event, point, detail
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
    AS row (at, owner, event, point, detail, place)
ORDER BY place
"""
_TRIM: Final = """
DELETE FROM audit WHERE owner = $1
AND id <= (SELECT id FROM audit WHERE owner = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)
"""
_TRIM_NOBODYS: Final = """
DELETE FROM audit WHERE owner IS NULL
AND id <= (SELECT id FROM audit WHERE owner IS NULL ORDER BY id DESC OFFSET $1 LIMIT 1)
"""

_LOG: Final = logging.getLogger(__name__)


class PostgresAudit:
    """Records wait in memory, bounded, until they are stored: also while the database is away."""

    def __init__(self, writer: asyncpg.Pool, reader: asyncpg.Pool, *, room: int = ROOM, kept: int = KEPT) -> None:
        self.recorded = 0
        self.dropped = 0
        self._writer = writer
        self._reader = reader
        self._room = room
        self._trimming = Trimming(kept)
        self._waiting: deque[Record] = deque()
        self._settled = 0  # how many records are stored or lost
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[None] | None = None
        self._closed = False

    def record(
        self, owner: str | None, event: str, point_id: str | None, detail: Mapping[str, str | int], now_ms: int
    ) -> None:
        if self._closed or len(self._waiting) >= self._room:
            self.dropped += 1
            return
        self.recorded += 1
        self._waiting.append((now_ms, owner, event, point_id, dict(detail)))
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(), name="netra-audit")

    def counts(self) -> Mapping[str, int]:
        return {"rows": self.recorded, "rows_dropped": self.dropped}

    async def rows(self, owner: str, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        await self._store_what_waits()
        try:
            async with self._reader.acquire() as connection, connection.transaction(readonly=True):
                await name_owner(connection, owner)
                found = await connection.fetch(
                    "SELECT id, at, event, point, detail FROM audit WHERE owner = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                    owner,
                    before or 1 << 62,
                    bounded(limit),
                )
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
        return [shown(row) for row in found]

    async def pseudonymise(self, owner: str) -> int:
        await self._store_what_waits()
        pseudonym, quoted, replacement = pseudonym_for(owner)
        try:
            async with self._writer.acquire() as connection, connection.transaction():
                done = await connection.execute("UPDATE audit SET owner = $1 WHERE owner = $2", pseudonym, owner)
                await connection.execute(
                    "UPDATE audit SET detail = replace(detail, $1, $2) WHERE strpos(detail, $1) > 0",
                    quoted,
                    replacement,
                )
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
        return int(done.rpartition(" ")[2])

    async def close(self) -> None:
        if self._closed:
            return
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._store_what_waits()
        except (DependencyUnavailable, TimeoutError) as trouble:
            self._lose(len(self._waiting), trouble)
            self._waiting.clear()
        self._closed = True
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    # --- storing ----------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """The task: store until nothing waits; try again for as long as the database is away."""
        while self._waiting:
            try:
                await self._store_what_waits()
            except DependencyUnavailable:
                await asyncio.sleep(_AGAIN_S)
        self._writing = None

    async def _store_what_waits(self) -> None:
        """Store all that was recorded before the call. Raises ``DependencyUnavailable``, and keeps it."""
        if self._closed:
            raise DependencyUnavailable("The audit trail is closed.")
        target = self._settled + len(self._waiting)
        async with self._turn:
            while self._settled < target:
                # What is being stored goes on waiting: where its outcome is not known it is stored again, never lost.
                batch = list(islice(self._waiting, _BATCH))
                try:
                    await self._store(batch)
                except (asyncpg.DataError, asyncpg.SyntaxOrAccessError) as fault:  # would fail again and again
                    self._lose(len(batch), fault)
                except TROUBLE as trouble:
                    raise unavailable(trouble) from trouble
                for _ in batch:
                    self._waiting.popleft()
                self._settled += len(batch)

    async def _store(self, batch: list[Record]) -> None:
        rows = written(batch)
        columns = [[row[place] for row in rows] for place in range(5)]
        async with self._writer.acquire() as connection, connection.transaction():
            await connection.execute(_INSERT, *columns)
            for owner in self._trimming.due(batch):
                if owner is None:
                    await connection.execute(_TRIM_NOBODYS, self._trimming.kept)
                else:
                    await connection.execute(_TRIM, owner, self._trimming.kept)
        if len(rows) < len(batch):
            self._lose(len(batch) - len(rows), UNWRITABLE)

    def _lose(self, count: int, fault: object) -> None:
        self.dropped += count
        _LOG.error("%d audit rows were lost: %s", count, fault)
