"""Changes of the embedded event log other than appending: each runs in the writer's thread, between two batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Protocol

_RUNS = """
WITH RECURSIVE chain(run, prev) AS (
    SELECT log.run, log.prev FROM head JOIN log ON log.id = head.row WHERE head.key = ?
    UNION ALL
    SELECT log.run, log.prev FROM chain JOIN log ON log.id = chain.prev
)
SELECT DISTINCT run FROM chain
"""
_FILES = "SELECT file.id FROM file JOIN thread USING (thread_id, owner) WHERE thread.key = ?"
_GIVE_UP = "UPDATE file SET owner = '', thread_id = '', run_id = '', sha256 = '' WHERE id = ?"
_STATE = "DELETE FROM state WHERE (owner, thread_id) = (SELECT owner, thread_id FROM thread WHERE key = ?)"


class Change(Protocol):
    """Must not raise: the log would fail. ``erases``: whether it deletes what must be gone from the file as well."""

    erases: bool

    def __call__(self, connection: sqlite3.Connection) -> None:
        """Make it, within the batch's transaction."""


class Rename:
    """Give a thread another title."""

    erases = False

    def __init__(self, key: int, title: str) -> None:
        self._change = (title, key)

    def __call__(self, connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE thread SET title = ? WHERE key = ?", self._change)


class Deletion:
    """Delete the values, runs and idempotency keys of threads and give up their events, blobs and files, and with ``owner`` all
    files, values, secrets, MCP servers, API keys and model requests of that owner. From then on nobody finds any of it. Their ids
    stay, without owner, title or epoch, so that they are never given out again. ``given_up`` are the files whose parts are there
    still; rows and blobs of the threads are there until ``gone_threads`` deletes them, under heads whose keys are below 0."""

    def __init__(self, keys: Sequence[int], owner: str = "") -> None:
        self._keys = keys
        self._owner = owner
        self.erases = not keys  # else the last purge does
        self.given_up: list[int] = []

    def __call__(self, connection: sqlite3.Connection) -> None:
        for key in self._keys:
            self.given_up += give_up_files(connection, connection.execute(_FILES, (key,)).fetchall())
            _give_up_thread(connection, key)
        if self._owner:
            files = connection.execute("SELECT id FROM file WHERE owner = ?", (self._owner,)).fetchall()
            self.given_up += give_up_files(connection, files)
            connection.execute("DELETE FROM model_use WHERE owner = ?", (self._owner,))
            connection.execute("DELETE FROM state WHERE owner = ?", (self._owner,))
            connection.execute("DELETE FROM secret WHERE owner = ?", (self._owner,))
            connection.execute("DELETE FROM mcp_server WHERE owner = ?", (self._owner,))
            connection.execute("DELETE FROM api_key WHERE owner = ?", (self._owner,))


class Expiry:
    """Let go of idempotency keys (owner and key) where they are that old still."""

    erases = False

    def __init__(self, requests: Sequence[tuple[str, str]], before_ms: int) -> None:
        self._changes = [(*request, before_ms) for request in requests]

    def __call__(self, connection: sqlite3.Connection) -> None:
        connection.executemany("DELETE FROM request WHERE owner = ? AND key = ? AND created < ?", self._changes)


def _give_up_thread(connection: sqlite3.Connection, key: int) -> None:
    runs = connection.execute(_RUNS, (key,)).fetchall()
    connection.executemany("DELETE FROM run WHERE run_id = ?", runs)
    connection.execute(
        "DELETE FROM request WHERE owner = (SELECT owner FROM thread WHERE key = ?)"
        " AND run_id NOT IN (SELECT run_id FROM run)",
        (key,),
    )
    connection.execute(_STATE, (key,))
    connection.execute("UPDATE head SET key = -key WHERE key = ?", (key,))
    connection.execute("UPDATE thread SET owner = '', title = '', epoch = '' WHERE key = ?", (key,))


def give_up_files(connection: sqlite3.Connection, files: Sequence[tuple[int]]) -> list[int]:
    """From now on nobody has these files; their ids. Their parts are many: ``gone_files`` deletes them, a few at a time."""
    connection.executemany(_GIVE_UP, files)
    return [file for (file,) in files]


def erase(connection: sqlite3.Connection) -> None:
    """Take what was deleted out of the write-ahead log as well: it is emptied into the database file, where ``secure_delete``
    has overwritten it. Waits for readers, who are quick."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
