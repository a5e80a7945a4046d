"""``netra migrate`` on PostgreSQL: roles, schema, grants. Needs alembic and SQLAlchemy (the extra ``scale``).

What is done already is left as it is, so that it may run again at any time. One migration of a database goes on at a time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from alembic.util import CommandError
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from ...core.errors import DependencyUnavailable
from ..migrations.history import NEWEST
from ..migrations.steps import upgrade
from .connection import OWNER, READER, SCHEMA, WRITER

_LOCK: Final = 0x6E65747261  # "netra"
_IS_THERE: Final = frozenset({"42710", "23505"})
_SCRAM_ROUNDS: Final = 4096
_ALLOW: Final = "INSERT INTO allowed (kind, name) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_MEMBERS: Final = f"""
SELECT rolname::text FROM pg_roles WHERE NOT rolsuper AND (rolname = session_user OR ($1::boolean AND oid IN (
    SELECT member FROM pg_auth_members
    WHERE pg_get_userbyid(roleid) IN ('{OWNER}', '{WRITER}', '{READER}')
)))
"""  # noqa: S608  # names of ours
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Login:
    """The role that servers log in as. It is made where it is missing, if there is a password."""

    name: str
    password: str | None = field(default=None, repr=False)


def login_of(server_url: str) -> Login | None:
    """Whom a server with this ``NETRA_DATABASE_URL`` logs in as; ``None`` where the URL does not say.

    Raises ``DependencyUnavailable`` for what is no address."""
    parts = _url(server_url)
    return Login(parts.username, None if parts.password is None else str(parts.password)) if parts.username else None


async def migrate_postgres(admin_url: str, report: Report, *, login: Login | None = None) -> None:
    """Make, or bring up to date, what a server needs, telling each thing as it is done: all or nothing.

    Raises ``DependencyUnavailable`` with the database's own words; they hold neither address nor password.
    """
    try:
        engine = create_async_engine(_url(admin_url), poolclass=NullPool)
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            made = [await _make_role(connection, role, report) for role in (OWNER, WRITER, READER)]
            await _make_schema(connection, report)
            named = await _administrators(connection, all_members=all(made))
            if login is not None:
                await _make_login(connection, login, report)
                named.append(("login", login.name))
            await connection.exec_driver_sql(f"SET LOCAL ROLE {OWNER}")
            await connection.exec_driver_sql(f"SET LOCAL search_path = {SCHEMA}, pg_temp")
            await connection.run_sync(_upgrade, report)
            for each in named:
                await connection.exec_driver_sql(_ALLOW, each)
    except CommandError as refusal:
        raise DependencyUnavailable(
            f"The database has a schema version that this program does not know (its newest is {NEWEST}).",
            hint="Nothing was changed. Run netra migrate from the version of Netra that migrated the "
            "database, or from a later one.",
        ) from refusal
    except (SQLAlchemyError, OSError) as trouble:
        reason = str(getattr(trouble, "orig", None) or trouble).partition("\n")[0]
        raise DependencyUnavailable(
            f"PostgreSQL rejected the migration: {reason}",
            hint="Nothing was changed. Use the address of a role that can create roles, and schemas in this database.",
        ) from None  # the whole error quotes the statement, and with it the login's verifier


def _url(given: str) -> URL:
    try:
        return make_url(given).set(drivername="postgresql+asyncpg")
    except (ArgumentError, ValueError):
        raise DependencyUnavailable(
            "The database address cannot be read.", hint="Use postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        ) from None


async def _is_there(connection: AsyncConnection, catalogue: str, column: str, name: str) -> bool:
    found = await connection.exec_driver_sql(f"SELECT 1 FROM {catalogue} WHERE {column} = $1", (name,))  # noqa: S608
    return found.first() is not None


async def _make_role(connection: AsyncConnection, role: str, report: Report) -> bool:
    if await _is_there(connection, "pg_roles", "rolname", role):
        return False
    try:
        async with connection.begin_nested():
            await connection.exec_driver_sql(f"CREATE ROLE {role} NOLOGIN NOINHERIT")
    except DBAPIError as trouble:
        # Roles are the whole server's: the migration of another database may have made it meanwhile.
        if getattr(trouble.orig, "sqlstate", None) not in _IS_THERE:
            raise
        return False
    report(f"created the role {role}")
    return True


async def _make_schema(connection: AsyncConnection, report: Report) -> None:
    may_become = await connection.exec_driver_sql(f"SELECT pg_has_role('{OWNER}', 'SET')")
    if not may_become.scalar_one():
        await connection.exec_driver_sql(f"GRANT {OWNER} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE")
    if not await _is_there(connection, "pg_namespace", "nspname", SCHEMA):
        await connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION {OWNER}")
        report(f"created the schema {SCHEMA}")


async def _administrators(connection: AsyncConnection, *, all_members: bool) -> list[tuple[str, str]]:
    """Who may become our roles as an administrator: who migrates, and, of roles that were made just now (``all_members``), whom
    the provider of a managed PostgreSQL has put there by itself. A superuser needs no mention."""
    found = await connection.exec_driver_sql(_MEMBERS, (all_members,))
    return [("administrator", row[0]) for row in found]


def _upgrade(connection: Connection, report: Report) -> None:
    for version in upgrade(connection, version_schema=SCHEMA):
        report(f"migrated the schema to version {version}")


async def _make_login(connection: AsyncConnection, login: Login, report: Report) -> None:
    quoted = connection.dialect.identifier_preparer.quote_identifier(login.name)
    if login.password is not None and not await _is_there(connection, "pg_roles", "rolname", login.name):
        verifier = scram_verifier(login.password, secrets.token_bytes(16))
        await connection.exec_driver_sql(f"CREATE ROLE {quoted} LOGIN NOINHERIT PASSWORD '{verifier}'")
        report(f"created the role {login.name}, which servers log in as")
    for role in (WRITER, READER):
        granted = await connection.exec_driver_sql(f"SELECT pg_has_role($1, '{role}', 'SET')", (login.name,))
        if not granted.scalar_one():
            await connection.exec_driver_sql(f"GRANT {role} TO {quoted} WITH INHERIT FALSE, SET TRUE")
            report(f"allowed {login.name} to become {role}")


def scram_verifier(password: str, salt: bytes) -> str:
    """What PostgreSQL keeps of a password (RFC 5803): the password itself is sent nowhere and stands in no log."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _SCRAM_ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(_SCRAM_ROUNDS, *parts)
