"""Files of users in PostgreSQL: rows of parts, each written and read in the name of its owner."""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from ...core.files import RESERVED_MS, StoredFile
from ...file_ports import Removal, Reservation
from .batch import may_be_an_id, storable
from .connection import name_owner
from .pool import PostgresConnectionPool
from .reader import AS_OWNER

_PAGE: Final = 100
_HAS_RUN: Final = "EXISTS (SELECT FROM run r WHERE r.run_id = f.run_id)"
_IS_FREE: Final = f"f.run_id IN ('', $3) OR f.reserved < $4 AND NOT {_HAS_RUN}"
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('netra.file'), hashtext($1))"
_COLUMNS: Final = f"""
f.file_id, f.owner, f.media, f.sha256, f.size, f.created, CASE WHEN {_HAS_RUN} THEN f.thread_id ELSE '' END
"""
_FIND: Final = f"""
SELECT found.* FROM {AS_OWNER} (
    SELECT {_COLUMNS} FROM file f WHERE f.owner = asked.owner AND f.file_id = $2 AND f.finished
) AS found
"""
_PAGE_OF: Final = f"""
SELECT found.* FROM {AS_OWNER} (
    SELECT {_COLUMNS} FROM file f WHERE f.owner = asked.owner AND f.file_id > $2 AND f.finished
    ORDER BY f.file_id LIMIT {_PAGE}
) AS found ORDER BY found.file_id
"""
_PART: Final = f"""
SELECT found.body FROM {AS_OWNER} (
    SELECT p.body FROM file_part p WHERE p.owner = asked.owner AND p.file_id = $2 AND p.n = $3
) AS found
"""
_BEGIN: Final = """
INSERT INTO file (file_id, owner, media, created) SELECT $2, $1, $3, $4
WHERE (SELECT count(*) FROM file f WHERE f.owner = $1) < $5 RETURNING true
"""
_TO_ADD_TO: Final = "SELECT true FROM file f WHERE f.owner = $1 AND f.file_id = $2 AND NOT f.finished FOR UPDATE"
_ADD: Final = """
INSERT INTO file_part (file_id, n, owner, body)
SELECT $2, (SELECT count(*) FROM file_part p WHERE p.file_id = $2), $1, $3
"""
_FINISH: Final = """
UPDATE file f SET finished = true, sha256 = $3, size = $4 WHERE f.owner = $1 AND f.file_id = $2 AND NOT f.finished
    AND $4 + (SELECT coalesce(sum(o.size), 0) FROM file o WHERE o.owner = $1 AND o.finished) <= $5 RETURNING true
"""
_TO_RESERVE: Final = f"""
SELECT {_IS_FREE} AS free FROM file f WHERE f.owner = $1 AND f.file_id = ANY ($2::text[]) AND f.finished
ORDER BY f.file_id FOR UPDATE
"""
_RESERVE: Final = """
UPDATE file SET thread_id = $3, run_id = $4, reserved = $5 WHERE owner = $1 AND file_id = ANY ($2::text[])
"""
_RELEASE: Final = f"""
UPDATE file f SET thread_id = '', run_id = '' WHERE f.owner = $1 AND f.run_id = $2 AND NOT {_HAS_RUN}
"""
_TO_REMOVE: Final = f"SELECT {_IS_FREE} AS free FROM file f WHERE f.owner = $1 AND f.file_id = $2 FOR UPDATE"
_OLD: Final = f"""
SELECT f.owner, f.file_id FROM file f WHERE f.created < $1 AND f.reserved < $1 AND NOT {_HAS_RUN} LIMIT {_PAGE}
"""
_EXPIRE: Final = f"""
DELETE FROM file f WHERE f.owner = $1 AND f.file_id = ANY ($2::text[]) AND f.reserved < $3 AND NOT {_HAS_RUN}
RETURNING f.file_id
"""
_REMOVE_PARTS: Final = "DELETE FROM file_part WHERE owner = $1 AND file_id = ANY ($2::text[])"


class PostgresFiles:
    """``file_ports.FileStore`` over the event log's connections."""

    def __init__(
        self, readers: PostgresConnectionPool, writers: PostgresConnectionPool, now_ms: Callable[[], int]
    ) -> None:
        self._readers = readers
        self._writers = writers
        self._now_ms = now_ms

    @asynccontextmanager
    async def _as(self, owner: str) -> AsyncIterator[asyncpg.Connection]:
        """A transaction in the name of this owner. Raises ``DependencyUnavailable``."""
        async with self._writers.line() as connection, connection.transaction():
            await name_owner(connection, owner)
            yield connection

    async def begin(self, file: StoredFile, most: int) -> bool:
        async with self._as(file.owner) as connection:
            await connection.execute(_ONE_AT_A_TIME, file.owner)
            given = file.owner, file.file_id, file.media, file.created_ms, most
            return bool(await connection.fetchval(_BEGIN, *given))

    async def add(self, owner: str, file_id: str, part: bytes) -> bool:
        async with self._as(owner) as connection:
            if not await connection.fetchval(_TO_ADD_TO, owner, file_id):
                return False
            await connection.execute(_ADD, owner, file_id, part)  # counts what was there once the file was locked
            return True

    async def finish(self, owner: str, file_id: str, sha256: str, size: int, most_bytes: int) -> bool:
        async with self._as(owner) as connection:
            await connection.execute(_ONE_AT_A_TIME, owner)
            return bool(await connection.fetchval(_FINISH, owner, file_id, sha256, size, most_bytes))

    async def find(self, owner: str, file_id: str) -> StoredFile | None:
        rows = await self._readers.ask(_FIND, owner, file_id) if may_be_an_id(file_id) else []
        return StoredFile(*rows[0]) if rows else None

    async def page(self, owner: str, after: str = "") -> list[StoredFile]:
        return [StoredFile(*row) for row in await self._readers.ask(_PAGE_OF, owner, storable(after))]

    async def parts(self, owner: str, file_id: str) -> AsyncIterator[bytes]:
        n = 0
        while rows := await self._readers.ask(_PART, owner, file_id, n):
            yield rows[0]["body"]
            n += 1

    async def reserve(self, owner: str, file_ids: Sequence[str], thread_id: str, run_id: str) -> Reservation:
        wanted = list(dict.fromkeys(file_ids))
        if not all(map(may_be_an_id, wanted)):
            return "absent"
        now_ms = self._now_ms()
        async with self._as(owner) as connection:
            found = await connection.fetch(_TO_RESERVE, owner, wanted, run_id, now_ms - RESERVED_MS)
            if len(found) < len(wanted):
                return "absent"
            if not all(row["free"] for row in found):
                return "claimed"
            await connection.execute(_RESERVE, owner, wanted, thread_id, run_id, now_ms)
            return "reserved"

    async def release(self, owner: str, run_id: str) -> None:
        async with self._as(owner) as connection:
            await connection.execute(_RELEASE, owner, run_id)

    async def remove(self, owner: str, file_id: str) -> Removal:
        if not may_be_an_id(file_id):
            return "absent"
        async with self._as(owner) as connection:
            free = await connection.fetchval(_TO_REMOVE, owner, file_id, "", self._now_ms() - RESERVED_MS)
            if free is None:
                return "absent"
            if not free:
                return "claimed"
            await connection.execute(_REMOVE_PARTS, owner, [file_id])
            await connection.execute("DELETE FROM file WHERE owner = $1 AND file_id = $2", owner, file_id)
            return "removed"

    async def remove_all(self, owner: str) -> None:
        """Delete all files of the owner, claimed or not."""
        async with self._as(owner) as connection:  # the files first: what is being added to one of them is waited for
            await connection.execute("DELETE FROM file WHERE owner = $1", owner)
            await connection.execute("DELETE FROM file_part WHERE owner = $1", owner)

    async def expire(self, before_ms: int) -> int:
        owners: dict[str, list[str]] = {}
        for row in await self._writers.ask(_OLD, before_ms):
            owners.setdefault(row["owner"], []).append(row["file_id"])
        count = 0
        for owner, file_ids in owners.items():
            async with self._as(owner) as connection:
                gone = [row["file_id"] for row in await connection.fetch(_EXPIRE, owner, file_ids, before_ms)]
                await connection.execute(_REMOVE_PARTS, owner, gone)
                count += len(gone)
        return count
