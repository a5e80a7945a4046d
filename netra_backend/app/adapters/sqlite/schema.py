"""Opening the embedded event log: its settings, and its tables if the file is new or is migrated."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from ...core import validation
from ...core.errors import ConfigurationError
from ..migrations.history import NEWEST, VERSIONS, statements

VERSION: Final = int(NEWEST)
CHECKPOINT_PAGES: Final = 1000
"""More makes checkpoints rarer and the slowest commits slower (8,000 pages: two to three times the p99)."""


def open_writer(path: Path) -> sqlite3.Connection:
    """The one writing connection: WAL, ``synchronous=FULL``. Makes the tables where the file is new.

    Raises ``ConfigurationError`` where the file has a schema that is not the one of this program.
    """
    connection = connect_privately(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    connection.execute("PRAGMA cache_size=-65536")
    try:
        version = version_of(connection)
        if version == 0:
            upgrade(connection)
        else:
            check_version(version, path)
    except BaseException:
        connection.close()
        raise
    return connection


def upgrade(connection: sqlite3.Connection) -> list[str]:
    """Take a file that is not newer than this program through the versions that it lacks; returns them.

    All of it is one transaction: if this raises, closing the connection undoes it.
    """
    connection.execute("BEGIN IMMEDIATE")
    lacking = VERSIONS[version_of(connection) :]
    for version in lacking:
        for statement in statements("sqlite", version):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={int(version)}")
    connection.execute("COMMIT")
    return list(lacking)


def connect_privately(path: Path) -> sqlite3.Connection:
    """A connection to a file that, where it is made here, its owner alone can read; SQLite gives the files beside it the same
    mode. The directory is closed to others anyway: this is for copies that are taken with their modes."""
    path.touch(mode=0o600, exist_ok=True)
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def version_of(connection: sqlite3.Connection) -> int:
    """The number of a file's version; 0 if it has no tables of ours."""
    number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def check_version(version: int, path: Path) -> None:
    """Raises ``ConfigurationError`` where a file's schema is not the one of this program."""
    if version != VERSION:
        older = f"Stop what uses it, then run: netra migrate --data-dir {path.parent}"
        newer = "Use the version of Netra that migrated it, or a later one."
        raise ConfigurationError(
            [
                f"{path.name} has schema version {version}, but this program knows {VERSION}. "
                f"{older if version < VERSION else newer}"
            ],
            point=validation.SQLITE_SCHEMA,
        )


def stored_version(path: Path) -> int:
    """The version of a file's schema, if it is the one of this program. Raises ``ConfigurationError``."""
    with closing(open_reader(path)) as reader:
        check_version(version_of(reader), path)
    return VERSION


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA cache_size=-16384")
    return connection
