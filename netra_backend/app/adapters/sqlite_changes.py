"""Changes of the embedded event log other than appending: each runs in the writer's thread, between two batches."""

from __future__ import annotations

import sqlite3

_ROWS = """
WITH RECURSIVE chain(id, prev) AS (
    SELECT log.id, log.prev FROM head JOIN log ON log.id = head.row WHERE head.key = ?
    UNION ALL
    SELECT log.id, log.prev FROM chain JOIN log ON log.id = chain.prev
)
SELECT id FROM chain
"""


class Rename:
    """Give a thread another title."""

    def __init__(self, key: int, title: str) -> None:
        self._change = (title, key)

    def __call__(self, connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE thread SET title = ? WHERE key = ?", self._change)


class Deletion:
    """Delete the events, runs and idempotency keys of threads. Their ids stay, without owner or title, so that they are
    never given out again. ``thread_ids`` tells which, afterwards."""

    def __init__(self, condition: str, parameters: tuple[object, ...]) -> None:
        self._condition = condition
        self._parameters = parameters
        self.thread_ids: list[str] = []

    def __call__(self, connection: sqlite3.Connection) -> None:
        found = connection.execute(f"SELECT key, thread_id FROM thread WHERE {self._condition}", self._parameters)  # noqa: S608  # our own words
        for key, thread_id in found.fetchall():
            self.thread_ids.append(thread_id)
            delete_thread(connection, key)


class Trim:
    """Delete threads that had no event since ``before_ms`` and are not among ``busy`` keys."""

    def __init__(self, before_ms: int, busy: frozenset[int]) -> None:
        self._before_ms = before_ms
        self._busy = busy
        self.thread_ids: list[str] = []

    def __call__(self, connection: sqlite3.Connection) -> None:
        found = connection.execute(
            "SELECT key, thread_id FROM thread JOIN head USING (key) WHERE updated < ? AND owner <> ''",
            (self._before_ms,),
        )
        for key, thread_id in found.fetchall():
            if key not in self._busy:
                self.thread_ids.append(thread_id)
                delete_thread(connection, key)


def delete_thread(connection: sqlite3.Connection, key: int) -> None:
    """Delete one thread's rows; its id stays taken."""
    rows = connection.execute(_ROWS, (key,)).fetchall()
    connection.executemany("DELETE FROM log WHERE id = ?", rows)
    connection.execute(
        "DELETE FROM request WHERE owner = (SELECT owner FROM thread WHERE key = :key)"
        " AND run_id IN (SELECT run_id FROM run WHERE thread = :key)",
        {"key": key},
    )
    connection.execute("DELETE FROM run WHERE thread = ?", (key,))
    connection.execute("DELETE FROM head WHERE key = ?", (key,))
    connection.execute("UPDATE thread SET owner = '', title = '', epoch = '' WHERE key = ?", (key,))
