"""The versions of the schema and the SQL of each: for PostgreSQL, and for SQLite's event log.

``netra migrate`` takes PostgreSQL through them with alembic. A SQLite file goes through its statements without it, so that
the embedded server needs neither alembic nor SQLAlchemy.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

VERSIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""All there are, in order. A database has exactly one; SQLite's ``user_version`` is its number."""

NEWEST: Final = VERSIONS[-1]


def statements(dialect: str, version: str) -> list[str]:
    """The statements that lead to this version from the one before. In the file, each ends with a semicolon before an empty
    line or the end, and no line within it does both."""
    return statements_in(Path(__file__).with_name(f"{version}.{dialect}.sql"))


def statements_in(path: Path) -> list[str]:
    """The statements of a file in this form; none if it holds nothing but comments."""
    parts = re.split(r"(?<=;)\n\n", path.read_text(encoding="utf-8").strip())
    return [part for part in parts if any(line and not line.startswith("--") for line in part.splitlines())]


def run_statements(connection: Connection, version: str) -> None:
    """What a version does where it does nothing but its statements."""
    for statement in statements(connection.dialect.name, version):
        connection.exec_driver_sql(statement)
