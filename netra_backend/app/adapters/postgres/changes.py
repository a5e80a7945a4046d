"""Changes of the event log in PostgreSQL other than appending: each is one transaction of the writer's."""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from ...core.history import HeldElsewhere
from .batch import storable
from .connection import name_owner
from .lease import ALIVE

_LOCK: Final = f"""
SELECT t.owner, t.thread_id, CASE WHEN t.holder <> $2 AND {ALIVE} THEN t.holder END AS elsewhere
FROM thread t WHERE t.thread_id = ANY ($1::text[]) AND t.owner <> '' ORDER BY t.thread_id FOR UPDATE OF t
"""
_UNTOUCHED: Final = """
SELECT t.thread_id FROM thread t WHERE t.thread_id = ANY ($1::text[]) AND t.updated < $2
    AND NOT EXISTS (SELECT FROM run r WHERE r.owner = t.owner AND r.thread_id = t.thread_id AND r.ended = 0)
"""
_ERASE: Final = ("log", "blob", "state", "run", "request")
_ERASE_FILE_PARTS: Final = """
DELETE FROM file_part p USING file f WHERE f.file_id = p.file_id AND f.thread_id = ANY ($1::text[]) AND f.owner = $2
"""
_ERASE_FILES: Final = "DELETE FROM file WHERE thread_id = ANY ($1::text[]) AND owner = $2"
_EXPIRE: Final = "DELETE FROM request WHERE owner = $1 AND key = ANY ($2::text[]) AND created < $3"
_GIVE_UP: Final = """
UPDATE thread SET owner = '', title = '', epoch = '', top = 0, fence = fence + 1, holder = NULL
WHERE thread_id = ANY ($1::text[])
"""


class Rename:
    """Give a thread another title, whoever holds it."""

    def __init__(self, thread_id: str, title: str) -> None:
        self._change = thread_id, storable(title)

    async def __call__(self, connection: asyncpg.Connection) -> None:
        await connection.execute("UPDATE thread SET title = $2 WHERE thread_id = $1 AND owner <> ''", *self._change)


class Deletion:
    """Delete the events, blobs, values, files, runs and idempotency keys of threads. Their ids stay, without owner, title or
    epoch, so that they are never given out again.

    Raises ``HeldElsewhere`` where another living process holds one of them: nothing is deleted then. With ``before_ms`` those
    are left alone instead, as are those that have an unfinished run or had an event since then; ``deleted`` says the others.
    """

    def __init__(self, thread_ids: Sequence[str], process_id: str, before_ms: int | None = None) -> None:
        self._thread_ids = thread_ids
        self._process_id = process_id
        self._before_ms = before_ms
        self.deleted: list[str] = []

    async def __call__(self, connection: asyncpg.Connection) -> None:
        owners: dict[str, list[str]] = {}
        for row in await connection.fetch(_LOCK, list(self._thread_ids), self._process_id):
            if row["elsewhere"] is None:
                owners.setdefault(row["owner"], []).append(row["thread_id"])
            elif self._before_ms is None:
                raise HeldElsewhere(row["elsewhere"])
        if self._before_ms is not None:
            owners = await self._untouched(connection, owners, self._before_ms)
        for owner, thread_ids in owners.items():
            await name_owner(connection, owner)
            for table in _ERASE:
                await connection.execute(f"DELETE FROM {table} WHERE thread_id = ANY ($1::text[])", thread_ids)
            await connection.execute(_ERASE_FILE_PARTS, thread_ids, owner)
            await connection.execute(_ERASE_FILES, thread_ids, owner)
            await connection.execute(_GIVE_UP, thread_ids)
        self.deleted = [thread_id for thread_ids in owners.values() for thread_id in thread_ids]

    async def _untouched(
        self, connection: asyncpg.Connection, owners: Mapping[str, list[str]], before_ms: int
    ) -> dict[str, list[str]]:
        locked = [thread_id for thread_ids in owners.values() for thread_id in thread_ids]
        left = {row["thread_id"] for row in await connection.fetch(_UNTOUCHED, locked, before_ms)}
        return {owner: [each for each in thread_ids if each in left] for owner, thread_ids in owners.items()}


async def expire(connection: asyncpg.Connection, requests: Sequence[tuple[str, str]], before_ms: int) -> None:
    """Let go of idempotency keys (owner and key) where they are that old still: those of each owner in its name.

    This is no ``Change``: it needs no place among appends, and goes past their connection. Whether it survives a crash does
    not matter, so its commit waits for no disk."""
    keys: dict[str, list[str]] = {}
    for owner, key in requests:
        keys.setdefault(owner, []).append(key)
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = off")
        for owner, mine in keys.items():
            await name_owner(connection, owner)
            await connection.execute(_EXPIRE, owner, mine, before_ms)


Change = Rename | Deletion
