"""Secrets of users, and their MCP servers, sealed, beside the embedded event log."""

# ruff: noqa: S608  # the table is one of two constants, and every value is a parameter

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from ...core.fair_turns import NOBODY
from ...secret_ports import SealedSecret
from .changes import Change

Table = Literal["secret", "mcp_server"]

_OTHERS: Final = "SELECT count(*) FROM {} WHERE owner = ? AND name <> ?"
_PUT: Final = """
INSERT INTO {} (owner, name, key_id, sealed, updated) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (owner, name) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed, updated = excluded.updated
"""

_REPLACE: Final = """
UPDATE {} SET key_id = ?, sealed = ? WHERE owner = ? AND name = ? AND key_id = ? AND sealed = ?
"""
_STALE: Final = """
SELECT owner, name FROM {} WHERE key_id <> ? AND (owner, name) > (?, ?) ORDER BY owner, name LIMIT 100
"""


class _Put:
    erases = True

    def __init__(self, table: Table, owner: str, name: str, secret: SealedSecret, most: int, now_ms: int) -> None:
        self._table = table
        self._row = (owner, name, *secret, now_ms)
        self._most = most
        self.done = False

    def __call__(self, connection: sqlite3.Connection) -> None:
        if connection.execute(_OTHERS.format(self._table), self._row[:2]).fetchone()[0] < self._most:
            connection.execute(_PUT.format(self._table), self._row)
            self.done = True


class _Replace:
    erases = True

    def __init__(self, table: Table, owner: str, name: str, old: SealedSecret, new: SealedSecret) -> None:
        self._table = table
        self._given = (*new, owner, name, *old)
        self.done = False

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.done = connection.execute(_REPLACE.format(self._table), self._given).rowcount > 0


class _Remove:
    erases = True

    def __init__(self, table: Table, owner: str, name: str) -> None:
        self._table = table
        self._place = (owner, name)
        self.done = False

    def __call__(self, connection: sqlite3.Connection) -> None:
        gone = connection.execute(f"DELETE FROM {self._table} WHERE owner = ? AND name = ?", self._place)
        self.done = gone.rowcount > 0


def _rows(connection: sqlite3.Connection, question: str, *given: object) -> list[Any]:
    return connection.execute(question, given).fetchall()


class SqliteSecrets:
    """``secret_ports.SecretStore`` over the connections of the event log: ``change`` and ``read`` are the log's."""

    def __init__(
        self,
        change: Callable[[Change], Awaitable[None]],
        read: Callable[..., Awaitable[Any]],
        now_ms: Callable[[], int],
        table: Table = "secret",
    ) -> None:
        self._table = table
        self._change = change
        self._read = read
        self._now_ms = now_ms

    async def put(self, owner: str, name: str, secret: SealedSecret, most: int) -> bool:
        change = _Put(self._table, owner, name, secret, most, self._now_ms())
        await self._change(change)
        return change.done

    async def find(self, owner: str, name: str) -> SealedSecret | None:
        question = f"SELECT key_id, sealed FROM {self._table} WHERE owner = ? AND name = ?"
        rows = await self._read(owner, _rows, question, owner, name)
        return SealedSecret(*rows[0]) if rows else None

    async def names(self, owner: str) -> list[tuple[str, int]]:
        question = f"SELECT name, updated FROM {self._table} WHERE owner = ? ORDER BY name"
        rows: list[tuple[str, int]] = await self._read(owner, _rows, question, owner)
        return rows

    async def remove(self, owner: str, name: str) -> bool:
        change = _Remove(self._table, owner, name)
        await self._change(change)
        return change.done

    async def replace(self, owner: str, name: str, old: SealedSecret, new: SealedSecret) -> bool:
        change = _Replace(self._table, owner, name, old, new)
        await self._change(change)
        return change.done

    async def stale(self, key_id: str, after: tuple[str, str] = ("", "")) -> list[tuple[str, str]]:
        rows: list[tuple[str, str]] = await self._read(NOBODY, _rows, _STALE.format(self._table), key_id, *after)
        return rows
