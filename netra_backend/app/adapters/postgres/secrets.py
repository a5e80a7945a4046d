"""Secrets of users, and their MCP servers, in PostgreSQL: sealed, and written and read in the name of their owner alone."""

# ruff: noqa: S608  # statements are put together from constants alone, and every value is a parameter
from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Literal

import asyncpg

from ...core.limits import Limits
from ...secret_ports import SealedSecret
from .api_keys import PostgresApiKeys
from .connection import WRITER, name_owner
from .pool import PostgresConnectionPool
from .reader import AS_OWNER

Table = Literal["secret", "mcp_server"]

_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('netra.{0}'), hashtext($1))"
_REMOVE: Final = "DELETE FROM {0} s WHERE s.owner = $1 AND s.name = $2 RETURNING s.updated"
_OTHERS: Final = "SELECT count(*) FROM {0} s WHERE s.owner = $1 AND s.name <> $2"
_PUT: Final = "INSERT INTO {0} (owner, name, key_id, sealed, updated) VALUES ($1, $2, $3, $4, $5)"
_FIND: Final = f"""
SELECT found.* FROM {AS_OWNER} (
    SELECT s.key_id, s.sealed FROM {{0}} s WHERE s.owner = asked.owner AND s.name = $2
) AS found
"""
_NAMES: Final = f"""
SELECT found.* FROM {AS_OWNER} (
    SELECT s.name, s.updated FROM {{0}} s WHERE s.owner = asked.owner ORDER BY s.name
) AS found ORDER BY found.name
"""
_STALE: Final = """
SELECT s.owner, s.name FROM {0} s WHERE s.key_id <> $1 AND (s.owner, s.name) > ($2::text, $3::text)
ORDER BY s.owner, s.name LIMIT 100
"""


class PostgresSecrets:
    """``secret_ports.SecretStore`` over the event log's connections."""

    def __init__(
        self,
        readers: PostgresConnectionPool,
        writers: PostgresConnectionPool,
        now_ms: Callable[[], int],
        table: Table = "secret",
    ) -> None:
        self._table = table
        self._readers = readers
        self._writers = writers
        self._now_ms = now_ms

    @asynccontextmanager
    async def _as(self, owner: str) -> AsyncIterator[asyncpg.Connection]:
        async with self._writers.line() as connection, connection.transaction():
            await name_owner(connection, owner)
            yield connection

    async def put(self, owner: str, name: str, secret: SealedSecret, most: int) -> bool:
        async with self._as(owner) as connection:
            await connection.execute(_ONE_AT_A_TIME.format(self._table), owner)
            if await connection.fetchval(_OTHERS.format(self._table), owner, name) >= most:
                return False
            await connection.execute(_REMOVE.format(self._table), owner, name)
            await connection.execute(_PUT.format(self._table), owner, name, *secret, self._now_ms())
            return True

    async def find(self, owner: str, name: str) -> SealedSecret | None:
        rows = await self._readers.ask(_FIND.format(self._table), owner, name)
        return SealedSecret(*rows[0]) if rows else None

    async def names(self, owner: str) -> list[tuple[str, int]]:
        return [(row["name"], row["updated"]) for row in await self._readers.ask(_NAMES.format(self._table), owner)]

    async def remove(self, owner: str, name: str) -> bool:
        async with self._as(owner) as connection:
            return await connection.fetchval(_REMOVE.format(self._table), owner, name) is not None

    async def replace(self, owner: str, name: str, old: SealedSecret, new: SealedSecret) -> bool:
        async with self._as(owner) as connection:
            await connection.execute(
                _ONE_AT_A_TIME.format(self._table), owner
            )  # nobody puts another between the look and the change
            if await self.find(owner, name) != old:  # by a reader: the writer cannot see what is sealed
                return False
            updated = await connection.fetchval(_REMOVE.format(self._table), owner, name)
            if updated is not None:
                await connection.execute(_PUT.format(self._table), owner, name, *new, updated)
            return updated is not None

    async def stale(self, key_id: str, after: tuple[str, str] = ("", "")) -> list[tuple[str, str]]:
        return [
            (row["owner"], row["name"]) for row in await self._writers.ask(_STALE.format(self._table), key_id, *after)
        ]


def credential_stores(
    url: str,
    readers: PostgresConnectionPool,
    writers: PostgresConnectionPool,
    now_ms: Callable[[], int],
    limits: Limits,
) -> tuple[PostgresSecrets, PostgresSecrets, PostgresApiKeys]:
    """Those of secrets, of MCP servers, and of API keys, which has connections of its own to close."""
    sealed = PostgresSecrets(readers, writers, now_ms), PostgresSecrets(readers, writers, now_ms, "mcp_server")
    finding = (PostgresConnectionPool(url, WRITER, 1, limits) for _ in range(2))
    return *sealed, PostgresApiKeys(readers, writers, *finding)
