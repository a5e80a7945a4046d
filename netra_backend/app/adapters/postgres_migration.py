"""``netra migrate`` on PostgreSQL: roles, schema, grants. Needs alembic and SQLAlchemy (the extra ``scale``).

What is done already is left as it is, so that it may run again at any time. One migration of a database goes on at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from .postgres_connection import OWNER, READER, SCHEMA, WRITER
from .schema_steps import upgrade

_LOCK: Final = 0x6E65747261  # "netra"
Tell = Callable[[str], None]


async def migrate_postgres(admin_url: str, tell: Tell, *, login: str | None = None) -> None:
    """Make or bring up to date what a server needs, telling each thing that is done; ``login`` is the role that servers log
    in as, which is granted what it needs. All or nothing."""
    engine = create_async_engine(_url(admin_url), poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        for role in (OWNER, WRITER, READER):
            await _make_role(connection, role, tell)
        await _make_schema(connection, tell)
        await connection.execute(text(f"SET LOCAL ROLE {OWNER}"))
        await connection.execute(text(f"SET LOCAL search_path = {SCHEMA}, pg_temp"))
        await connection.run_sync(_upgrade, tell)
        await connection.execute(text("RESET ROLE"))
        if login is not None:
            await _grant(connection, login, tell)


def _url(given: str) -> URL:
    return make_url(given).set(drivername="postgresql+asyncpg")


async def _make_role(connection: AsyncConnection, role: str, tell: Tell) -> None:
    found = await connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
    if found is None:
        await connection.execute(text(f"CREATE ROLE {role} NOLOGIN NOINHERIT"))
        tell(f"made the role {role}")


async def _make_schema(connection: AsyncConnection, tell: Tell) -> None:
    await connection.execute(text(f"GRANT {OWNER} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE"))
    found = await connection.scalar(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": SCHEMA})
    if found is None:
        await connection.execute(text(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION {OWNER}"))
        tell(f"made the schema {SCHEMA}")


def _upgrade(connection: Connection, tell: Tell) -> None:
    for version in upgrade(connection, version_schema=SCHEMA):
        tell(f"brought the schema to version {version}")


async def _grant(connection: AsyncConnection, login: str, tell: Tell) -> None:
    quoted = connection.dialect.identifier_preparer.quote_identifier(login)
    for role in (WRITER, READER):
        await connection.execute(text(f"GRANT {role} TO {quoted} WITH INHERIT FALSE, SET TRUE"))
    tell(f"granted {WRITER} and {READER} to {login}")
