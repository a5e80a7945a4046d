"""``netra migrate`` on the embedded event log."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from .schema import VERSION, check_version, connect_privately, upgrade, version_of


def migrate_sqlite(path: Path) -> list[str]:
    """Bring the file to the newest version, whole or not at all; returns the versions it went through. A file that does not
    exist is made.

    The caller holds the data directory. Raises ``ConfigurationError`` if the file is newer than this program.
    """
    with closing(connect_privately(path)) as connection:
        number = version_of(connection)
        if number > VERSION:
            check_version(number, path)
        return upgrade(connection)
