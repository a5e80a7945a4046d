"""Files of users in the embedded store: rows of parts, beside the events and written by the same thread."""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from ...core.errors import DependencyUnavailable
from ...core.files import RESERVED_MS, StoredFile
from ...file_ports import Removal, Reservation
from .changes import Change, give_up_files
from .gone_files import GoneFiles

_PAGE: Final = 100
_HAS_RUN: Final = "EXISTS (SELECT 1 FROM run WHERE run.run_id = file.run_id)"
_FILE: Final = f"""
SELECT file_id, owner, media, sha256, size, created, CASE WHEN {_HAS_RUN} THEN thread_id ELSE '' END FROM file
WHERE owner = ? AND finished
"""


class _Begin:
    erases = False

    def __init__(self, file: StoredFile, most: int) -> None:
        self._file = file
        self._most = most
        self.done = False

    def __call__(self, connection: sqlite3.Connection) -> None:
        file = self._file
        (count,) = connection.execute("SELECT count(*) FROM file WHERE owner = ?", (file.owner,)).fetchone()
        self.done = count < self._most
        if self.done:
            connection.execute(
                "INSERT INTO file (file_id, owner, media, sha256, size, created, finished, thread_id, run_id, reserved)"
                " VALUES (?, ?, ?, '', 0, ?, 0, '', '', 0)",
                (file.file_id, file.owner, file.media, file.created_ms),
            )


class _Add:
    erases = False

    def __init__(self, owner: str, file_id: str, part: bytes) -> None:
        self._given = {"owner": owner, "file_id": file_id, "part": part}
        self.done = False

    def __call__(self, connection: sqlite3.Connection) -> None:
        added = connection.execute(
            "INSERT INTO file_part SELECT id, (SELECT count(*) FROM file_part WHERE file = id), :part FROM file"
            " WHERE owner = :owner AND file_id = :file_id AND NOT finished",
            self._given,
        )
        self.done = added.rowcount == 1


class _Finish:
    erases = False

    def __init__(self, owner: str, file_id: str, sha256: str, size: int, most_bytes: int) -> None:
        self._given = {"owner": owner, "file_id": file_id, "sha256": sha256, "size": size, "most": most_bytes}
        self.done = False

    def __call__(self, connection: sqlite3.Connection) -> None:
        finished = connection.execute(
            "UPDATE file SET finished = 1, sha256 = :sha256, size = :size WHERE owner = :owner AND file_id = :file_id"
            " AND NOT finished"
            " AND :size + (SELECT coalesce(sum(size), 0) FROM file WHERE owner = :owner AND finished) <= :most",
            self._given,
        )
        self.done = finished.rowcount == 1


class _Reserve:
    erases = False

    def __init__(
        self, owner: str, file_ids: Sequence[str], thread_id: str, run_id: str, now_ms: int, stale_ms: int
    ) -> None:
        self._owner = owner
        self._file_ids = list(dict.fromkeys(file_ids))
        self._place = (thread_id, run_id, now_ms)
        self._stale_ms = stale_ms
        self.done: Reservation = "absent"

    def __call__(self, connection: sqlite3.Connection) -> None:
        found = [
            connection.execute(
                f"SELECT run_id IN ('', ?) OR (reserved < ? AND NOT {_HAS_RUN}) FROM file"
                " WHERE owner = ? AND file_id = ? AND finished",
                (self._place[1], self._stale_ms, self._owner, file_id),
            ).fetchone()
            for file_id in self._file_ids
        ]
        if None in found:
            return
        if not all(free for (free,) in found):
            self.done = "claimed"
            return
        self.done = "reserved"
        connection.executemany(
            "UPDATE file SET thread_id = ?, run_id = ?, reserved = ? WHERE owner = ? AND file_id = ?",
            [(*self._place, self._owner, file_id) for file_id in self._file_ids],
        )


class _Release:
    erases = False

    def __init__(self, owner: str, run_id: str) -> None:
        self._given = (owner, run_id)

    def __call__(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            f"UPDATE file SET thread_id = '', run_id = '' WHERE owner = ? AND run_id = ? AND NOT {_HAS_RUN}",
            self._given,
        )


class _Remove:
    erases = False  # its purge does

    def __init__(self, owner: str, file_id: str, stale_ms: int) -> None:
        self._given = (owner, file_id)
        self._stale_ms = stale_ms
        self.done: Removal = "absent"
        self.given_up: list[int] = []

    def __call__(self, connection: sqlite3.Connection) -> None:
        found = connection.execute(
            f"SELECT id, run_id = '' OR (reserved < ? AND NOT {_HAS_RUN}) FROM file WHERE owner = ? AND file_id = ?",
            (self._stale_ms, *self._given),
        ).fetchone()
        if found is not None:
            self.done = "removed" if found[1] else "claimed"
            if found[1]:
                self.given_up = give_up_files(connection, [found[:1]])


class _Expire:
    erases = False  # its purge does

    def __init__(self, before_ms: int) -> None:
        self._before_ms = before_ms
        self.given_up: list[int] = []

    def __call__(self, connection: sqlite3.Connection) -> None:
        old = connection.execute(
            f"SELECT id FROM file WHERE owner <> '' AND created < ? AND reserved < ? AND NOT {_HAS_RUN} LIMIT {_PAGE}",
            (self._before_ms, self._before_ms),
        ).fetchall()
        self.given_up = give_up_files(connection, old)


class SqliteFiles:
    """``file_ports.FileStore`` over the connections of the event log: ``change`` and ``read`` are the log's."""

    def __init__(
        self,
        change: Callable[[Change], Awaitable[None]],
        read: Callable[..., Awaitable[Any]],
        now_ms: Callable[[], int],
        directory: Path,
        reserved_bytes: int,
        gone: GoneFiles,
    ) -> None:
        self._change = change
        self._read = read
        self._now_ms = now_ms
        self._directory = directory
        self._reserved_bytes = reserved_bytes  # disk that files leave free: the event log must be able to go on
        self._gone = gone
        self._opened_ms = now_ms()

    def _stale_ms(self) -> int:
        """Reservations from before then are of runs that will never exist, if they do not by now: those of the process before
        this one, too."""
        return max(self._now_ms() - RESERVED_MS, self._opened_ms)

    async def begin(self, file: StoredFile, most: int) -> bool:
        change = _Begin(file, most)
        await self._change(change)
        return change.done

    async def add(self, owner: str, file_id: str, part: bytes) -> bool:
        if shutil.disk_usage(self._directory).free < self._reserved_bytes:
            raise DependencyUnavailable(
                "The server's disk is almost full.", hint="Try again later, and tell the operator."
            )
        change = _Add(owner, file_id, part)
        await self._change(change)
        return change.done

    async def finish(self, owner: str, file_id: str, sha256: str, size: int, most_bytes: int) -> bool:
        change = _Finish(owner, file_id, sha256, size, most_bytes)
        await self._change(change)
        return change.done

    async def find(self, owner: str, file_id: str) -> StoredFile | None:
        rows = await self._read(owner, _rows, f"{_FILE} AND file_id = ?", owner, file_id)
        return StoredFile(*rows[0]) if rows else None

    async def page(self, owner: str, after: str = "") -> list[StoredFile]:
        question = f"{_FILE} AND file_id > ? ORDER BY file_id LIMIT {_PAGE}"
        return [StoredFile(*row) for row in await self._read(owner, _rows, question, owner, after)]

    async def parts(self, owner: str, file_id: str) -> AsyncIterator[bytes]:
        question = (
            "SELECT body FROM file_part JOIN file ON file.id = file_part.file WHERE owner = ? AND file_id = ? AND n = ?"
        )
        n = 0
        while rows := await self._read(owner, _rows, question, owner, file_id, n):
            yield rows[0][0]
            n += 1

    async def reserve(self, owner: str, file_ids: Sequence[str], thread_id: str, run_id: str) -> Reservation:
        change = _Reserve(owner, file_ids, thread_id, run_id, self._now_ms(), self._stale_ms())
        await self._change(change)
        return change.done

    async def release(self, owner: str, run_id: str) -> None:
        await self._change(_Release(owner, run_id))

    async def remove(self, owner: str, file_id: str) -> Removal:
        change = _Remove(owner, file_id, self._stale_ms())
        await self._change(change)
        await self._gone.purge(change.given_up)
        return change.done

    async def expire(self, before_ms: int) -> int:
        await self._gone.purge_left()
        change = _Expire(before_ms)
        await self._change(change)
        await self._gone.purge(change.given_up)
        return len(change.given_up)


def _rows(connection: sqlite3.Connection, question: str, *given: object) -> list[tuple[Any, ...]]:
    return connection.execute(question, given).fetchall()
