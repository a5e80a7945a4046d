"""Values that agents keep, in PostgreSQL: judged and written in the transaction that stores the events that tell of them."""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

from typing import Any, Final

import asyncpg

from ...core.state import VALUES_A_PAGE
from .batch import IS_STORED, Batch, may_be_an_id, storable
from .connection import name_owner
from .pool import PostgresConnectionPool
from .reader import AS_OWNER

_ONE_AT_A_TIME: Final = """
SELECT pg_advisory_xact_lock(hashtext('netra.state'), place)
FROM (SELECT DISTINCT hashtext(owner) AS place FROM unnest($1::text[]) AS o (owner) ORDER BY place) AS places
"""
_STORED: Final = """
SELECT s.owner, s.thread_id, s.name, s.digest FROM unnest($1::text[], $2::text[], $3::text[]) AS w (owner, thread_id, name)
JOIN state s USING (owner, thread_id, name)
"""
_COUNTS: Final = """
SELECT w.owner, w.thread_id, (SELECT count(*) FROM state s WHERE s.owner = w.owner AND s.thread_id = w.thread_id) AS keys
FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS w (owner, thread_id)) AS w
"""
_PUT: Final = """
INSERT INTO state (owner, thread_id, name, digest, value, updated)
SELECT $1::text, w.*, $6::bigint FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[]) AS w
"""
_REMOVE: Final = """
DELETE FROM state s USING unnest($2::text[], $3::text[]) AS w (thread_id, name)
WHERE s.owner = $1 AND s.thread_id = w.thread_id AND s.name = w.name
"""
_VALUE: Final = f"""
SELECT found.value FROM {AS_OWNER} (
    SELECT s.value FROM state s WHERE s.owner = asked.owner AND s.thread_id = $2 AND s.name = $3
) AS found
"""
_PAGE: Final = f"""
SELECT found.* FROM {AS_OWNER} (
    SELECT s.name, s.value FROM state s WHERE s.owner = asked.owner AND s.thread_id = $2 AND s.name > $3
    ORDER BY s.name LIMIT {VALUES_A_PAGE}
) AS found ORDER BY found.name
"""
_OLD: Final = "SELECT DISTINCT s.owner FROM state s WHERE s.thread_id = '' AND s.updated < $1"
_EXPIRE: Final = "DELETE FROM state s WHERE s.owner = $1 AND s.thread_id = '' AND s.updated < $2 RETURNING true"

_Place = tuple[str, str, str]


async def append_with_state(
    connection: asyncpg.Connection, append: Any, batch: Batch, process_id: str, now_ms: int, *, doubtful: bool
) -> None:
    """Judge the batch's writes, and store it with those that are to be made, in one transaction.

    Who writes values of an owner waits for those who do already, so nothing changes between judging and storing. If the batch
    is ``doubtful``, its sending before may have been under way until just now: what was judged then is what is stored.
    """
    async with connection.transaction():
        await connection.fetch(_ONE_AT_A_TIME, [write.owner for _, write in batch.writes])
        if doubtful and await connection.fetchval(IS_STORED, *batch.marks()):
            return
        changes = await _judged(connection, batch)
        await append.fetchval(*batch.arguments(process_id, now_ms))
        for owner in sorted({owner for owner, _, _ in changes}):
            await name_owner(connection, owner)
            mine = {place: given for place, given in changes.items() if place[0] == owner}
            await connection.execute(_REMOVE, owner, *zip(*(place[1:] for place in mine), strict=True))
            put = [(*place[1:], *given) for place, given in mine.items() if given is not None]
            if put:
                await connection.execute(_PUT, owner, *zip(*put, strict=True), now_ms)


async def _judged(connection: asyncpg.Connection, batch: Batch) -> dict[_Place, tuple[str, bytes] | None]:
    """Judge each write after those before it; what is to be stored of them in the end: digest and value, or nothing."""
    owners, threads, keys = zip(*((w.owner, w.thread_id, w.key) for _, w in batch.writes), strict=True)
    rows = await connection.fetch(_STORED, owners, threads, keys)
    stored: dict[_Place, str] = {(row["owner"], row["thread_id"], row["name"]): row["digest"] for row in rows}
    counts = {(row["owner"], row["thread_id"]): row["keys"] for row in await connection.fetch(_COUNTS, owners, threads)}
    changes: dict[_Place, tuple[str, bytes] | None] = {}
    for _, write in batch.writes:
        place, within = (write.owner, write.thread_id, write.key), (write.owner, write.thread_id)
        before = stored.get(place, "")
        if write.judge(before, counts[within]) == "written":
            counts[within] += bool(write.digest) - bool(before)
            stored[place] = write.digest
            changes[place] = None if write.value is None else (write.digest, write.value)
    batch.settle()
    return changes


class PostgresState:
    """``state_ports.StateStore`` over the event log's connections."""

    def __init__(self, readers: PostgresConnectionPool, writers: PostgresConnectionPool) -> None:
        self._readers = readers
        self._writers = writers

    async def value(self, owner: str, thread_id: str, key: str) -> bytes | None:
        rows = await self._readers.ask(_VALUE, owner, thread_id, key) if may_be_an_id(thread_id) else []
        return rows[0]["value"] if rows else None

    async def page(self, owner: str, thread_id: str, after: str = "") -> list[tuple[str, bytes]]:
        rows = await self._readers.ask(_PAGE, owner, thread_id, storable(after)) if may_be_an_id(thread_id) else []
        return [(row["name"], row["value"]) for row in rows]

    async def remove_all(self, owner: str) -> None:
        """Delete all values, secrets, MCP servers and API keys of the owner."""
        async with self._writers.line() as connection, connection.transaction():
            await name_owner(connection, owner)
            await connection.execute("DELETE FROM state WHERE owner = $1", owner)
            await connection.execute("DELETE FROM secret WHERE owner = $1", owner)
            await connection.execute("DELETE FROM mcp_server WHERE owner = $1", owner)
            await connection.execute("DELETE FROM api_key WHERE owner = $1", owner)

    async def expire(self, before_ms: int) -> int:
        count = 0
        for row in await self._writers.ask(_OLD, before_ms):
            async with self._writers.line() as connection, connection.transaction():
                await name_owner(connection, row["owner"])
                count += len(await connection.fetch(_EXPIRE, row["owner"], before_ms))
        return count
