"""Bytes of files that are gone: deleted a few at a time, so that what others append is committed between."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from ...core.fair_turns import NOBODY
from .changes import Change

PARTS_AT_ONCE: Final = 8
"""So many parts go in one transaction: about 2 MB, which are overwritten in the write-ahead log and then in the file."""

_PURGE: Final = """
DELETE FROM file_part WHERE file = :file AND n IN (SELECT n FROM file_part WHERE file = :file LIMIT :most)
"""
_LEFT: Final = "SELECT id FROM file WHERE owner = '' LIMIT 100"


class Purge:
    """Delete some parts of files that were given up. Those of which nothing is left are taken off the front of ``files``."""

    def __init__(self, files: list[int]) -> None:
        self._files = files
        self.erases = False  # the last one does, for all before it

    def __call__(self, connection: sqlite3.Connection) -> None:
        room = PARTS_AT_ONCE
        while self._files and room > 0:
            file = self._files[0]
            gone = connection.execute(_PURGE, {"file": file, "most": room}).rowcount
            if gone < room:
                connection.execute("DELETE FROM file WHERE id = ? AND owner = ''", (file,))
                del self._files[0]
            room -= max(gone, 1)
        self.erases = not self._files


class GoneFiles:
    """Deletes what ``changes.give_up_files`` leaves; ``change`` and ``read`` are the event log's."""

    def __init__(self, change: Callable[[Change], Awaitable[None]], read: Callable[..., Awaitable[Any]]) -> None:
        self._change = change
        self._read = read
        self._turn = asyncio.Lock()  # one purge in a batch, however many wait, each in its turn

    async def purge(self, files: Sequence[int]) -> None:
        """Delete these for good: on return their bytes are in no file of the store."""
        left = list(files)
        while left:
            async with self._turn:
                await self._change(Purge(left))

    async def purge_left(self) -> None:
        """Delete what a process left that ended while it purged."""
        while left := await self._read(NOBODY, _left):
            await self.purge(left)


def _left(connection: sqlite3.Connection) -> list[int]:
    return [file for (file,) in connection.execute(_LEFT)]
