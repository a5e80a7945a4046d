"""The audit trail in an SQLite file of its own, written by a thread of its own (``ports.Audit``)."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from ...core.errors import DependencyUnavailable
from ..audit.rows import KEPT, ROOM, UNWRITABLE, Record, Trimming, bounded, pseudonym_for, shown, written
from .schema import connect_privately

_BATCH: Final = 1_000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,            -- ms
    owner TEXT,                     -- NULL where nobody was known
    event TEXT NOT NULL,
    point TEXT,                     -- the validation point that refused
    detail TEXT NOT NULL            -- JSON
);
CREATE INDEX IF NOT EXISTS audit_owner ON audit(owner, id);
"""
_TRIM: Final = """
DELETE FROM audit WHERE owner IS ?1
AND id <= (SELECT id FROM audit WHERE owner IS ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
"""

_LOG: Final = logging.getLogger(__name__)

Ask = Callable[[sqlite3.Connection], None]
Answer = TypeVar("Answer")


class SqliteAudit:
    """Records are queued and written in groups; questions go through the same queue, so they see all that came before."""

    def __init__(self, path: Path, *, room: int = ROOM, kept: int = KEPT) -> None:
        self.recorded = 0
        self.dropped = 0
        self._room = room
        self._connection = connect_privately(path)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("PRAGMA secure_delete=ON")
        self._connection.executescript(_SCHEMA)
        self._queue: SimpleQueue[Record | Ask | None] = SimpleQueue()
        self._trimming = Trimming(kept)
        self._closed = False
        self._thread = threading.Thread(target=self._write, name="netra-audit", daemon=True)
        self._thread.start()

    def record(
        self, owner: str | None, event: str, point_id: str | None, detail: Mapping[str, str | int], now_ms: int
    ) -> None:
        if self._closed or self._queue.qsize() >= self._room:
            self.dropped += 1
            return
        self.recorded += 1
        self._queue.put((now_ms, owner, event, point_id, dict(detail)))

    def counts(self) -> Mapping[str, int]:
        return {"rows": self.recorded, "rows_dropped": self.dropped}

    async def rows(self, owner: str, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        def select(connection: sqlite3.Connection) -> list[dict[str, Any]]:
            found = connection.execute(
                "SELECT id, at, event, point, detail FROM audit WHERE owner = ? AND id < ? ORDER BY id DESC LIMIT ?",
                (owner, before or 1 << 62, bounded(limit)),
            )
            return [shown(row) for row in found]

        return await self._ask(select)

    async def pseudonymise(self, owner: str) -> int:
        def replace(connection: sqlite3.Connection) -> int:
            pseudonym, quoted, replacement = pseudonym_for(owner)
            connection.execute("BEGIN IMMEDIATE")
            changed = connection.execute("UPDATE audit SET owner = ? WHERE owner = ?", (pseudonym, owner)).rowcount
            connection.execute(
                "UPDATE audit SET detail = replace(detail, ?1, ?2) WHERE instr(detail, ?1)", (quoted, replacement)
            )
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # nor does the log beside the file keep the name
            return changed

        return await self._ask(replace)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        if self._closed:
            raise DependencyUnavailable("The audit trail is closed.")
        answer: Future[Answer] = Future()

        def ask(connection: sqlite3.Connection) -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(question(connection))
            except sqlite3.Error as fault:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                answer.set_exception(DependencyUnavailable(f"The audit trail cannot be used: {fault}."))

        self._queue.put(ask)
        return await asyncio.wrap_future(answer)

    def _write(self) -> None:
        """The thread: take what waits, in order, until ``None`` comes."""
        going_on = True
        while going_on:
            work = [self._queue.get()]
            try:
                while len(work) < _BATCH:
                    work.append(self._queue.get_nowait())
            except Empty:
                pass
            records: list[Record] = []
            for item in work:
                if isinstance(item, tuple):
                    records.append(item)
                    continue
                self._store(records)
                records = []
                if item is None:
                    going_on = False
                else:
                    item(self._connection)
            self._store(records)
        self._connection.close()

    def _store(self, records: list[Record]) -> None:
        if not records:
            return
        connection, rows = self._connection, written(records)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO audit (at, owner, event, point, detail) VALUES (?, ?, ?, ?, ?)", rows)
            for owner in self._trimming.due(records):
                connection.execute(_TRIM, (owner, self._trimming.kept))
            connection.execute("COMMIT")
        except sqlite3.Error as fault:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._lose(len(records), fault)
        else:
            if len(rows) < len(records):
                self._lose(len(records) - len(rows), UNWRITABLE)

    def _lose(self, count: int, fault: object) -> None:
        self.dropped += count
        _LOG.error("%d audit rows were lost: %s", count, fault)
