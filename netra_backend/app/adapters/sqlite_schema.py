"""Opening the embedded event log: its settings, and its tables where the file is new."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from .schema_history import NEWEST, VERSIONS, statements

VERSION: Final = int(NEWEST)
CHECKPOINT_PAGES: Final = 1000
"""More makes checkpoints rarer and the slowest commits slower (8,000 pages: two to three times the p99)."""


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
        tables = "\n".join(statement for version in VERSIONS for statement in statements("sqlite", version))
        connection.executescript(f"BEGIN IMMEDIATE;{tables};PRAGMA user_version={VERSION};COMMIT;")
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
