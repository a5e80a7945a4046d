"""API keys of users, beside the embedded event log."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ...core.api_keys import ApiKey
from ...core.fair_turns import NOBODY
from ...sign_in_ports import Added
from ..auth.api_key_rows import kept, told
from .changes import Change

_COLUMNS: Final = "key_id, owner, name, digest, scopes, agents, plan, issued, created, expires, used"
_OTHERS: Final = "SELECT count(*), coalesce(sum(name = ?), 0) FROM api_key WHERE owner = ?"
_ADD: Final = f"INSERT INTO api_key ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # constants alone
_FIND: Final = f"SELECT {_COLUMNS} FROM api_key WHERE key_id = ?"  # noqa: S608  # constants alone
_OF: Final = f"SELECT {_COLUMNS} FROM api_key WHERE owner = ? ORDER BY name"  # noqa: S608  # constants alone
_USED: Final = "UPDATE api_key SET used = ? WHERE key_id = ? AND owner = ? AND used < ?"
_REMOVE: Final = "DELETE FROM api_key WHERE key_id = ? AND owner = ?"


class _Add:
    erases = False

    def __init__(self, key: ApiKey, most: int) -> None:
        self._key = key
        self._most = most
        self.done: Added = "added"

    def __call__(self, connection: sqlite3.Connection) -> None:
        key = self._key
        count, named = connection.execute(_OTHERS, (key.name, key.owner)).fetchone()
        if named:
            self.done = "named"
        elif count >= self._most:
            self.done = "full"
        else:
            connection.execute(_ADD, kept(key))


class _Execute:
    def __init__(self, statement: str, *given: object, erases: bool) -> None:
        self._statement = statement, given
        self.erases = erases
        self.done = False

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.done = connection.execute(*self._statement).rowcount > 0


def _rows(connection: sqlite3.Connection, question: str, *given: object) -> list[Any]:
    return connection.execute(question, given).fetchall()


class SqliteApiKeys:
    """``sign_in_ports.ApiKeyStore`` over the connections of the event log: ``change`` and ``read`` are the log's."""

    def __init__(self, change: Callable[[Change], Awaitable[None]], read: Callable[..., Awaitable[Any]]) -> None:
        self._change = change
        self._read = read

    async def add(self, key: ApiKey, most: int, made_by: str = "") -> Added:
        change = _Add(key, most)
        await self._change(change)
        return change.done

    async def find(self, key_id: str, known_to_be: str = "") -> ApiKey | None:
        rows = await self._read(NOBODY, _rows, _FIND, key_id)
        return told(rows[0]) if rows else None

    async def of(self, owner: str) -> list[ApiKey]:
        return [told(row) for row in await self._read(owner, _rows, _OF, owner)]

    async def used(self, owner: str, key_id: str, at_ms: int) -> None:
        await self._change(_Execute(_USED, at_ms, key_id, owner, at_ms, erases=False))

    async def remove(self, owner: str, key_id: str) -> bool:
        change = _Execute(_REMOVE, key_id, owner, erases=True)
        await self._change(change)
        return change.done
