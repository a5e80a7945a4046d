"""Values that agents keep, in the embedded event log: written by its one writer with the events that tell of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ...core import history
from ...core.history import Chunk
from ...core.state import VALUES_A_PAGE
from .changes import Change

_STORED: Final = "SELECT digest FROM state WHERE owner = ? AND thread_id = ? AND name = ?"
_COUNT: Final = "SELECT count(*) FROM state WHERE owner = ? AND thread_id = ?"
_PUT: Final = """
INSERT INTO state (owner, thread_id, name, digest, value, updated) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (owner, thread_id, name) DO UPDATE SET digest = excluded.digest, value = excluded.value, updated = excluded.updated
"""
_REMOVE: Final = "DELETE FROM state WHERE owner = ? AND thread_id = ? AND name = ?"
_PAGE: Final = "SELECT name, value FROM state WHERE owner = ? AND thread_id = ? AND name > ? ORDER BY name LIMIT ?"


def write_state(connection: sqlite3.Connection, chunk: Chunk, now_ms: int) -> None:
    """Judge the chunk's writes, and make those that are to be made, within the transaction that stores its events."""
    for write in chunk.writes or ():
        place = (write.owner, write.thread_id)
        stored = connection.execute(_STORED, (*place, write.key)).fetchone()
        keys = 0 if stored else connection.execute(_COUNT, place).fetchone()[0]
        if write.judge(stored[0] if stored else "", keys) == "written":
            if write.value is not None:
                connection.execute(_PUT, (*place, write.key, write.digest, write.value, now_ms))
            elif stored:
                connection.execute(_REMOVE, (*place, write.key))
        history.settle(chunk, write)


class _Expire:
    erases = True

    def __init__(self, before_ms: int) -> None:
        self._before_ms = before_ms
        self.done = 0

    def __call__(self, connection: sqlite3.Connection) -> None:
        old = "DELETE FROM state WHERE thread_id = '' AND updated < ?"
        self.done = connection.execute(old, (self._before_ms,)).rowcount


def _rows(connection: sqlite3.Connection, question: str, *given: object) -> list[Any]:
    return connection.execute(question, given).fetchall()


class SqliteState:
    """``state_ports.StateStore`` over the connections of the event log: ``change`` and ``read`` are the log's."""

    def __init__(self, change: Callable[[Change], Awaitable[None]], read: Callable[..., Awaitable[Any]]) -> None:
        self._change = change
        self._read = read

    async def value(self, owner: str, thread_id: str, key: str) -> bytes | None:
        question = "SELECT value FROM state WHERE owner = ? AND thread_id = ? AND name = ?"
        rows = await self._read(owner, _rows, question, owner, thread_id, key)
        return rows[0][0] if rows else None

    async def page(self, owner: str, thread_id: str, after: str = "") -> list[tuple[str, bytes]]:
        rows: list[tuple[str, bytes]] = await self._read(owner, _rows, _PAGE, owner, thread_id, after, VALUES_A_PAGE)
        return rows

    async def expire(self, before_ms: int) -> int:
        change = _Expire(before_ms)
        await self._change(change)
        return change.done
