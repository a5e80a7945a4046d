"""Secrets of users, sealed, beside the embedded event log."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ...secret_ports import SealedSecret
from .changes import Change

_OTHERS: Final = "SELECT count(*) FROM secret WHERE owner = ? AND name <> ?"
_PUT: Final = """
INSERT INTO secret (owner, name, key_id, sealed, updated) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (owner, name) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed, updated = excluded.updated
"""

_REPLACE: Final = """
UPDATE secret SET key_id = ?, sealed = ? WHERE owner = ? AND name = ? AND key_id = ? AND sealed = ?
"""
_STALE: Final = """
SELECT owner, name FROM secret WHERE key_id <> ? AND (owner, name) > (?, ?) ORDER BY owner, name LIMIT 100
"""


class _Put:
    erases = True

    def __init__(self, owner: str, name: str, secret: SealedSecret, most: int, now_ms: int) -> None:
        self._row = (owner, name, *secret, now_ms)
        self._most = most
        self.done = False

    def __call__(self, connection: sqlite3.Connection) -> None:
        if connection.execute(_OTHERS, self._row[:2]).fetchone()[0] < self._most:
            connection.execute(_PUT, self._row)
            self.done = True


class _Replace:
    erases = True

    def __init__(self, owner: str, name: str, old: SealedSecret, new: SealedSecret) -> None:
        self._given = (*new, owner, name, *old)
        self.done = False

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.done = connection.execute(_REPLACE, self._given).rowcount > 0


class _Remove:
    erases = True

    def __init__(self, owner: str, name: str) -> None:
        self._place = (owner, name)
        self.done = False

    def __call__(self, connection: sqlite3.Connection) -> None:
        gone = connection.execute("DELETE FROM secret WHERE owner = ? AND name = ?", self._place)
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
    ) -> None:
        self._change = change
        self._read = read
        self._now_ms = now_ms

    async def put(self, owner: str, name: str, secret: SealedSecret, most: int) -> bool:
        change = _Put(owner, name, secret, most, self._now_ms())
        await self._change(change)
        return change.done

    async def find(self, owner: str, name: str) -> SealedSecret | None:
        question = "SELECT key_id, sealed FROM secret WHERE owner = ? AND name = ?"
        rows = await self._read(_rows, question, owner, name)
        return SealedSecret(*rows[0]) if rows else None

    async def names(self, owner: str) -> list[tuple[str, int]]:
        question = "SELECT name, updated FROM secret WHERE owner = ? ORDER BY name"
        rows: list[tuple[str, int]] = await self._read(_rows, question, owner)
        return rows

    async def remove(self, owner: str, name: str) -> bool:
        change = _Remove(owner, name)
        await self._change(change)
        return change.done

    async def replace(self, owner: str, name: str, old: SealedSecret, new: SealedSecret) -> bool:
        change = _Replace(owner, name, old, new)
        await self._change(change)
        return change.done

    async def stale(self, key_id: str, after: tuple[str, str] = ("", "")) -> list[tuple[str, str]]:
        rows: list[tuple[str, str]] = await self._read(_rows, _STALE, key_id, *after)
        return rows
