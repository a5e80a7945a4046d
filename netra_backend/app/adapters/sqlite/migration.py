"""``netra migrate`` on the embedded event log. Needs alembic and SQLAlchemy (the extra ``scale``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from ..migrations.steps import upgrade
from .schema import VERSION, check_version


def migrate_sqlite(path: Path, report: Callable[[str], None]) -> None:
    """Bring the file to the newest version, whole or not at all, telling each version; a file that is not there is made.

    The caller holds the data directory. Raises ``ConfigurationError`` for a file that is newer than this program.
    """
    # The driver would begin no transaction before a CREATE TABLE: it is told to leave that to us.
    engine = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args={"isolation_level": None}
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("ATTACH ':memory:' AS steps")  # for alembic's version table
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        number = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if number > VERSION:
            check_version(number, path)
        # The file's own number is the one home of its version; alembic is told it.
        stands_at = f"{number:04}" if number else None
        for version in upgrade(connection, version_schema="steps", stands_at=stands_at):
            report(f"brought {path.name} to version {version}")
        connection.exec_driver_sql(f"PRAGMA user_version={VERSION}")
