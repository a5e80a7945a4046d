"""Events and blobs of threads that are gone: deleted a few at a time, so that what others append is committed between."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from ...core.fair_turns import NOBODY
from .changes import Change

BYTES_AT_ONCE: Final = 2 * 1024 * 1024
"""So many go in one transaction, and the row that reaches beyond: they are overwritten in the write-ahead log and in the file."""
_ROW_BYTES: Final = 256
"""What a row counts besides what it holds."""

_HEAD: Final = "SELECT row FROM head WHERE key = -?"
_ROW: Final = "SELECT prev, length(payload) FROM log WHERE id = ?"
_BLOBS: Final = "SELECT id, length(body) FROM blob WHERE thread = ? LIMIT 100"
_LEFT: Final = "SELECT -key FROM head WHERE key < 0 LIMIT 100"


class PurgeThreads:
    """Delete some rows of threads that ``changes.Deletion`` gave up. Those of which nothing is left are taken off the front of
    ``keys``."""

    def __init__(self, keys: list[int]) -> None:
        self._keys = keys
        self.erases = False  # the last one does, for all before it

    def __call__(self, connection: sqlite3.Connection) -> None:
        room = BYTES_AT_ONCE
        while self._keys and room > 0:
            key = self._keys[0]
            room = _delete_blobs(connection, key, _delete_rows(connection, key, room))
            if room > 0:
                connection.execute("DELETE FROM head WHERE key = -?", (key,))
                del self._keys[0]
        self.erases = not self._keys


def _delete_rows(connection: sqlite3.Connection, key: int, room: int) -> int:
    """The newest rows first: the head names the newest of those that are left."""
    found = connection.execute(_HEAD, (key,)).fetchone()
    row = first = found[0] if found is not None else 0
    while row and room > 0 and (told := connection.execute(_ROW, (row,)).fetchone()) is not None:
        connection.execute("DELETE FROM log WHERE id = ?", (row,))
        row = told[0]
        room -= told[1] + _ROW_BYTES
    if row != first:
        connection.execute("UPDATE head SET row = ? WHERE key = -?", (row, key))
    return room


def _delete_blobs(connection: sqlite3.Connection, key: int, room: int) -> int:
    while room > 0 and (blobs := connection.execute(_BLOBS, (key,)).fetchall()):
        for blob, size in blobs:
            if room <= 0:
                break
            connection.execute("DELETE FROM blob WHERE id = ?", (blob,))
            room -= size + _ROW_BYTES
    return room


class GoneThreads:
    """Deletes what a ``changes.Deletion`` leaves; ``change`` and ``read`` are the event log's."""

    def __init__(self, change: Callable[[Change], Awaitable[None]], read: Callable[..., Awaitable[Any]]) -> None:
        self._change = change
        self._read = read
        self._turn = asyncio.Lock()  # one purge in a batch, however many wait, each in its turn

    async def purge(self, keys: Sequence[int]) -> None:
        """Delete these for good: on return their bytes are in no file of the store."""
        left = list(keys)
        while left:
            async with self._turn:
                await self._change(PurgeThreads(left))

    async def purge_left(self) -> None:
        """Delete what a process left that ended while it purged."""
        while left := await self._read(NOBODY, _left):
            await self.purge(left)


def _left(connection: sqlite3.Connection) -> list[int]:
    return [key for (key,) in connection.execute(_LEFT)]
