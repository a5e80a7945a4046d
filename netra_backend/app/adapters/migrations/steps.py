"""Taking PostgreSQL through the versions of its schema with alembic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

from .history import NEWEST

_MIGRATIONS = Path(__file__).parent


def upgrade(connection: Connection, *, version_schema: str) -> list[str]:
    """Bring the database to the newest version, in the transaction that is open; the versions it went through.

    ``version_schema`` is where alembic keeps the version. Raises ``alembic.util.CommandError`` for a version that is not
    known here.
    """
    taken: list[str] = []

    def applied(*, step: Any, **_: Any) -> None:
        taken.append(step.up_revision_id)

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, version_schema=version_schema, on_step=applied)
    command.upgrade(config, NEWEST)
    return taken
