"""The embedded event log's tables and settings."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

VERSION: Final = 1
CHECKPOINT_PAGES: Final = 1000
"""More makes checkpoints rarer and the slowest commits slower (8,000 pages: two to three times the p99)."""

_TABLES: Final = """
CREATE TABLE thread (
    key INTEGER PRIMARY KEY,
    thread_id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,            -- '' when deleted: the id stays taken
    epoch TEXT NOT NULL,
    title TEXT NOT NULL,
    created INTEGER NOT NULL,       -- ms
    oldest INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX thread_owner ON thread(owner, created);
CREATE TABLE head (                 -- apart from thread: it changes with every commit and stays small
    key INTEGER PRIMARY KEY,
    top INTEGER NOT NULL,
    row INTEGER NOT NULL,           -- the thread's newest row of log
    updated INTEGER NOT NULL        -- ms
);
CREATE TABLE log (                  -- append-only; a row is adjacent events of one run
    id INTEGER PRIMARY KEY,
    thread INTEGER NOT NULL,
    seq INTEGER NOT NULL,           -- of the first event
    n INTEGER NOT NULL,
    run TEXT NOT NULL,
    prev INTEGER NOT NULL,          -- the thread's row before, 0 at its end
    payload BLOB NOT NULL           -- events, joined by newlines
);
CREATE TABLE run (
    run_id TEXT PRIMARY KEY,
    thread INTEGER NOT NULL,
    agent TEXT NOT NULL,
    request_id TEXT NOT NULL,
    timezone TEXT NOT NULL,
    created INTEGER NOT NULL,       -- ms
    seq INTEGER NOT NULL,           -- of its first event
    ended INTEGER NOT NULL          -- seq of its last event, 0 while it goes on
) WITHOUT ROWID;
CREATE INDEX run_open ON run(run_id) WHERE ended = 0;
CREATE TABLE request (              -- idempotency keys
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    run_id TEXT NOT NULL,
    created INTEGER NOT NULL,       -- ms
    PRIMARY KEY (owner, key)
) WITHOUT ROWID;
"""


def open_writer(path: Path) -> sqlite3.Connection:
    """The one writing connection: WAL, ``synchronous=FULL``. Makes the tables where the file is new.

    Raises ``ValueError`` where the file has a schema that this version does not know.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    connection.execute("PRAGMA cache_size=-65536")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE;{_TABLES};PRAGMA user_version={VERSION};COMMIT;")
    elif version != VERSION:
        connection.close()
        raise ValueError(f"{path.name} has schema version {version}; this program knows {VERSION}")
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA cache_size=-16384")
    return connection
