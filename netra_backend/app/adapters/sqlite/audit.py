"""The audit trail in an SQLite file of its own, written by a thread of its own (``ports.Audit``)."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from ...core.audit_chain import Entry, SealedRow, Verdict
from ...core.errors import DependencyUnavailable, IsolationRefused
from ...core.limits import USUAL, Limits
from ...ports import Clock
from ..audit.place import Place
from ..audit.rows import UNWRITABLE, Record, bounded, entries_of, named, names_in, shown, subjects_in
from ..audit.subjects import Subject, forgotten_entries, require_own
from ..audit.verification import TAIL, BrokenTrail, require_intact, stands, verify
from ..audit.watch import TrailWatch
from .audit_rows import (
    checkpoint_of,
    cut,
    insert,
    lines_of,
    number_after,
    open_trail,
    owners_of,
    reading_trail,
    row_up_to,
    seal_subjects,
    subjects_of,
    take_lines,
)

_BATCH: Final = 1_000
_AGAIN_S: Final = 1.0
_CLOSE_S: Final = 10.0

_LOG: Final = logging.getLogger(__name__)

Ask = Callable[[sqlite3.Connection], None]
Answer = TypeVar("Answer")


def _roll_back(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


class SqliteAudit:
    """Records are queued and written in groups; questions go through the same queue, so they see all that came before.

    What cannot be written waits, bounded, and is tried again every second. Make with ``open``.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, place: Place, clock: Clock, limits: Limits) -> None:
        self.recorded = 0
        self.dropped = 0
        self._path = path
        self._room = limits.audit_waiting
        self._connection = connection
        self._keys = place.keys
        self._anchor = place.anchor
        self._clock = clock
        self._watch = TrailWatch()
        checkpoint, last = checkpoint_of(connection, self._keys.chain), row_up_to(connection, self._keys.chain, 1 << 62)
        self._seal = last.seal if last else checkpoint.seal if checkpoint else self._keys.beginning
        self._last = last.entry.id if last else checkpoint.id if checkpoint else 0
        self._anchored = -1  # the row that the newest anchor names
        self._anchored_at = float("-inf")
        self._waiting: deque[Record] = deque()
        self._taken: deque[Record | Ask | None] = deque()
        self._queue: SimpleQueue[Record | Ask | None] = SimpleQueue()
        self._closed = False
        self._ended = False  # the thread takes nothing any more
        self._thread = threading.Thread(target=self._run, name="netra-audit", daemon=True)

    @classmethod
    async def open(cls, path: Path, place: Place, clock: Clock, limits: Limits = USUAL) -> SqliteAudit:
        """A trail whose end was looked at, back to its newest anchor. Raises ``ConfigurationError`` if its chain is broken,
        ``DependencyUnavailable`` where file or anchor cannot be read."""
        try:
            anchors = place.anchor.read()
            connection = open_trail(path, place.keys, clock.now_ms())
            try:
                with reading_trail(path) as reader:
                    verdict = await verify(reader, place.keys, anchors, tail=TAIL)
            except BaseException:
                connection.close()
                raise
        except (sqlite3.Error, OSError, ValueError) as fault:
            raise DependencyUnavailable(f"The audit trail {path} cannot be used: {fault}.") from fault
        try:
            require_intact(verdict, str(path))
            seal_subjects(connection, place.keys, clock.now_ms())
            audit = cls(path, connection, place, clock, limits)
        except BaseException:
            connection.close()
            raise
        audit._thread.start()
        audit._watch.start(audit.verdict)
        return audit

    @property
    def trouble(self) -> str:
        if len(self._waiting) + self._queue.qsize() >= self._room:
            return "too many rows wait to be written"
        return self._watch.trouble

    @property
    def broken(self) -> str:
        return self._watch.broken

    async def verdict(self) -> Verdict:
        """Look at the whole chain, in a thread."""

        def look() -> Verdict:
            anchors = self._anchor.read()
            with reading_trail(self._path, lambda: self._closed) as reader:
                return asyncio.run(verify(reader, self._keys, anchors))

        try:
            return await asyncio.to_thread(look)
        except (sqlite3.Error, OSError, ValueError) as fault:
            raise DependencyUnavailable(f"The audit trail cannot be read: {fault}.") from fault

    def record(
        self, owner: str | None, event: str, point_id: str | None, detail: Mapping[str, str | int], now_ms: int
    ) -> None:
        if self._closed or self._ended or self._queue.qsize() + len(self._waiting) >= self._room:
            self.dropped += 1
            return
        self.recorded += 1
        self._queue.put((now_ms, owner, event, point_id, dict(detail)))

    def counts(self) -> Mapping[str, int]:
        return {"rows": self.recorded, "rows_dropped": self.dropped}

    async def rows(self, owner: str, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        def lines(connection: sqlite3.Connection) -> list[Subject]:
            return lines_of(connection, self._keys.chain, owner)

        try:
            subjects = require_own(self._keys, await self._ask(lines))
        except IsolationRefused as refusal:
            self._watch.breaks(refusal.message)
            raise

        def select(connection: sqlite3.Connection) -> list[dict[str, Any]]:
            found = connection.execute(
                "SELECT id, at, event, point, detail FROM audit"
                " WHERE subject IN (SELECT value FROM json_each(?)) AND chain = ? AND id < ? ORDER BY id DESC LIMIT ?",
                (json.dumps(subjects), self._keys.chain, before or 1 << 62, bounded(limit)),
            )
            rows = [shown(row) for row in found]
            return named(rows, owners_of(connection, self._keys, subjects_in(rows)))

        return await self._ask(select)

    async def pseudonymise(self, owner: str) -> int:
        def forget(connection: sqlite3.Connection) -> int:
            connection.execute("BEGIN IMMEDIATE")
            count, lines = take_lines(connection, owner)
            after = number_after(connection, self._last, len(lines))
            entries = forgotten_entries(self._keys, lines, self._clock.now_ms(), after)
            self._commit(self._append(entries))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # nor does the log beside the file keep the name
            return count

        return await self._ask(forget)

    async def trim(self, before_ms: int) -> int:
        def remove(connection: sqlite3.Connection) -> int:
            connection.execute("BEGIN IMMEDIATE")
            try:
                count = cut(connection, self._keys, before_ms, self._clock.now_ms())
            except BrokenTrail as fault:
                self._watch.breaks(str(fault))
                raise
            connection.execute("COMMIT")
            return count

        await self._watch.require_verified()
        return await self._ask(remove)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await self._watch.close()
        await asyncio.to_thread(self._thread.join, _CLOSE_S)
        if self._thread.is_alive() and not self._ended:
            self._ended = True
            self._lose(self._count_records(), "the trail's thread did not come to its end")

    def _count_records(self) -> int:
        """Records that are not stored, wherever they wait; questions wait there, too, and go on waiting."""
        came: list[Record | Ask | None] = []
        with suppress(Empty):
            while True:
                came.append(self._queue.get_nowait())
        for item in came:
            self._queue.put(item)
        left = (*self._waiting, *self._taken, *came)
        return len({id(item) for item in left if isinstance(item, tuple)})  # one may wait in two places

    async def _ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        if self._closed or self._ended:
            raise DependencyUnavailable("The audit trail is closed.")
        answer: Future[Answer] = Future()

        def ask(connection: sqlite3.Connection) -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(question(connection))
            except Exception as fault:  # whatever a store was made to hold: it costs this question alone
                answer.set_exception(DependencyUnavailable(f"The audit trail cannot be used: {fault}."))
                _roll_back(connection)

        self._queue.put(ask)
        if self._ended and answer.cancel():  # it came behind the last that was taken
            raise DependencyUnavailable("The audit trail is closed.")
        return await asyncio.wrap_future(answer)

    # --- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._write()
        except Exception as fault:
            self._watch.fails("rows", f"the trail's thread has ended ({fault!r})")
        finally:
            self._ended = True
            self._connection.close()
            self._refuse_what_came()

    def _refuse_what_came(self) -> None:
        """Nothing is taken any more: records are lost, and questions fail at the connection, which is closed."""
        lost = len(self._waiting)
        self._waiting.clear()
        with suppress(Empty):
            while True:
                item = self._taken.popleft() if self._taken else self._queue.get_nowait()
                if isinstance(item, tuple):
                    lost += 1
                elif item is not None:
                    item(self._connection)
        if lost:
            self._lose(lost, "they could not be written by the end")

    def _write(self) -> None:
        """Take what waits, in order, until ``None`` comes."""
        going_on = True
        self._set_anchor()
        while going_on:
            self._taken.extend(self._take())
            while self._taken:
                item = self._taken[0]  # it leaves when it is done with, so that no question is forgotten
                if isinstance(item, tuple):
                    self._waiting.append(item)
                else:
                    self._store()
                    if item is None:
                        going_on = False
                    else:
                        item(self._connection)
                self._taken.popleft()
            self._store()
            if not going_on or time.monotonic() >= self._anchored_at + self._anchor.every_s:
                self._set_anchor()

    def _take(self) -> list[Record | Ask | None]:
        """What has come; nothing if it is time to try again, or to set an anchor."""
        patience: float | None = None
        if self._waiting:
            patience = _AGAIN_S
        elif self._last != self._anchored:
            patience = max(0.0, self._anchored_at + self._anchor.every_s - time.monotonic())
        work: list[Record | Ask | None] = []
        try:
            work.append(self._queue.get(timeout=patience))
            while len(work) < _BATCH:
                work.append(self._queue.get_nowait())
        except Empty:
            pass
        return work

    def _store(self) -> None:
        if not self._waiting:
            return
        connection, records = self._connection, list(self._waiting)
        try:
            connection.execute("BEGIN IMMEDIATE")
            subjects = subjects_of(connection, self._keys, names_in(records))
            entries = entries_of(records, subjects, number_after(connection, self._last, len(records)))
            self._commit(self._append(entries))
        except Exception as fault:
            _roll_back(connection)
            self._watch.fails("rows", fault)
            return
        self._waiting.clear()
        self._watch.works("rows")
        if len(entries) < len(records):
            self._lose(len(records) - len(entries), UNWRITABLE)

    def _append(self, entries: list[Entry]) -> list[SealedRow]:
        """Write rows behind the last one, in the transaction that is open."""
        sealed = self._keys.seal_all(self._seal, entries)
        insert(self._connection, self._keys.chain, sealed)
        return sealed

    def _commit(self, appended: list[SealedRow]) -> None:
        self._connection.execute("COMMIT")
        if appended:
            self._seal = appended[-1].seal
            self._last = appended[-1].entry.id

    def _set_anchor(self) -> None:
        """Let the anchor name the newest row, unless what it names now is gone."""
        if self._last == self._anchored or self._watch.broken:
            return
        chain = self._keys.chain
        self._anchored_at = time.monotonic()
        try:
            for old in self._anchor.read():
                row = row_up_to(self._connection, chain, old.id)
                if old.chain == chain and not stands(old, checkpoint_of(self._connection, chain), row):
                    self._watch.breaks(f"row {old.id}, which the anchor names, is gone or was changed")
                    return
            self._anchor.write(self._keys.state("anchor", self._last, self._seal, 0, self._clock.now_ms()))
        except Exception as fault:
            self._watch.fails("anchor", fault)
            return
        self._anchored = self._last
        self._watch.works("anchor")

    def _lose(self, count: int, fault: object) -> None:
        self.dropped += count
        _LOG.error("%d audit rows were lost: %s", count, fault)
