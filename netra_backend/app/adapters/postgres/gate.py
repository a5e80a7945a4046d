"""What must hold of a PostgreSQL before a server uses it: whom it logs in as, and which schema it finds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from ...core import validation
from ...core.errors import ConfigurationError
from ...core.limits import USUAL, Limits
from ..migrations.history import NEWEST, VERSIONS
from .connection import OWNER, READER, SCHEMA, TROUBLE, WRITER, connect, unavailable
from .reach import reach_faults
from .rights import first_of, login_faults, rights_faults
from .walls import open_ways

OLDEST_SERVER: Final = 16
"""The first PostgreSQL whose grants say whether a member inherits."""

_MIGRATE: Final = "Run: netra migrate --database-url ADMIN_URL"
_LOGIN: Final = """
WITH known AS (
    SELECT to_regrole('netra_owner') AS owner, to_regrole('netra_writer') AS writer, to_regrole('netra_reader') AS reader
)
SELECT session_user AS login, quote_ident(session_user) AS quoted, current_database() AS database,
    owner IS NOT NULL AND writer IS NOT NULL AND reader IS NOT NULL AS made,
    (SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles
        WHERE (rolsuper OR rolbypassrls) AND pg_has_role(session_user, oid, 'MEMBER')) AS powers,
    (SELECT string_agg(DISTINCT relowner::regrole::text, ', ') FROM pg_class
        WHERE relnamespace = to_regnamespace('netra') AND pg_has_role(session_user, relowner, 'MEMBER')) AS owns,
    coalesce(pg_has_role(session_user, owner, 'MEMBER'), false) AS may_own,
    coalesce(pg_has_role(session_user, writer, 'SET') AND pg_has_role(session_user, reader, 'SET'), false) AS may_set,
    coalesce(pg_has_role(session_user, writer, 'USAGE') OR pg_has_role(session_user, reader, 'USAGE'), false) AS inherits,
    coalesce(pg_has_role(writer, reader, 'MEMBER') OR pg_has_role(reader, writer, 'MEMBER'), false) AS mixed
FROM known
"""
_OPEN_TABLES: Final = """
SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class
WHERE relnamespace = to_regnamespace('netra') AND relkind IN ('r', 'p') AND relname <> 'alembic_version'
AND NOT (relrowsecurity AND relforcerowsecurity)
"""


async def require_postgres(url: str, limits: Limits = USUAL) -> None:
    """Refuse to start over a database that would not keep users apart, or that this program does not know.

    Raises ``ConfigurationError`` with all faults of one kind, ``DependencyUnavailable`` where it cannot be asked.
    """
    async with asked(url, limits) as connection:
        await check_login(connection)
        await check_schema(connection)
        await check_reach(connection)
        await check_walls(connection)


async def require_schema(url: str) -> None:
    """The same of the schema alone, for an administrator's address."""
    async with asked(url) as connection:
        await check_schema(connection)


@asynccontextmanager
async def asked(url: str, limits: Limits = USUAL) -> AsyncIterator[asyncpg.Connection]:
    """A connection as what logged in, for questions. Raises ``DependencyUnavailable``."""
    try:
        connection = await connect(url, None, limits)
        try:
            yield connection
        finally:
            await connection.close()
    except TROUBLE as trouble:
        raise unavailable(trouble) from trouble


async def server_version(connection: asyncpg.Connection) -> str:
    """The server's version, such as ``18.1``."""
    version: str = await connection.fetchval("SELECT split_part(current_setting('server_version'), ' ', 1)")
    return version


async def check_login(connection: asyncpg.Connection) -> str:
    """The role that was logged in, if it has nothing of its own and may become the two that do the work. Raises
    ``ConfigurationError``: row-level security would not hold for it."""
    version = await server_version(connection)
    if int(version.partition(".")[0]) < OLDEST_SERVER:
        faults = [f"PostgreSQL {version} is too old. Use version {OLDEST_SERVER} or later."]
    else:
        faults = _faults_of(await connection.fetchrow(_LOGIN)) or await login_faults(connection)
    if faults:
        raise ConfigurationError(faults, point=validation.POSTGRES_LOGIN)
    login: str = await connection.fetchval("SELECT session_user")
    return login


def _faults_of(found: asyncpg.Record) -> list[str]:
    login, quoted = found["login"], found["quoted"]
    grants = f"GRANT {WRITER}, {READER} TO {quoted} WITH INHERIT FALSE, SET TRUE"
    another = f"Log in as a role of its own: CREATE ROLE netra_server LOGIN NOINHERIT PASSWORD '…'; {grants}"
    another = another.replace(f"TO {quoted}", "TO netra_server")
    faults: list[str] = []
    if found["powers"]:
        faults.append(
            f"NETRA_DATABASE_URL logs in as {login}, which is or can become {found['powers']}. Row-level "
            f"security does not apply to a superuser or a role with BYPASSRLS. {another}"
        )
    elif found["owns"] or found["may_own"]:
        faults.append(
            f"NETRA_DATABASE_URL logs in as {login}, which is or can become {found['owns'] or OWNER}, the "
            f"owner of the tables, who can switch row-level security off. {another}; or REVOKE {OWNER} FROM "
            f"{quoted}"
        )
    elif not found["made"]:
        faults.append(f"The roles {OWNER}, {WRITER} and {READER} do not exist. {_MIGRATE}")
    else:
        if not found["may_set"]:
            faults.append(f"{login} cannot become {WRITER} and {READER}. Run: {grants}")
        if found["inherits"]:
            faults.append(
                f"{login} has the rights of {WRITER} and {READER} at the same time, without switching roles. "
                f"Run: {grants}"
            )
    if found["mixed"]:
        faults.append(
            f"{WRITER} and {READER} must not have each other's rights. Run: REVOKE {READER} FROM {WRITER}; "
            f"REVOKE {WRITER} FROM {READER}"
        )
    return faults


async def require_version(url: str, limits: Limits = USUAL) -> None:
    """The version of the schema alone: who looks for traces of tampering does so in a database that was tampered with."""
    async with asked(url, limits) as connection:
        await check_schema(connection, version_alone=True)


async def check_schema(connection: asyncpg.Connection, *, version_alone: bool = False) -> str:
    """The version of the schema, if it is the one that this program knows and, unless that is asked for alone, every table of
    it forces row-level security and has its rights. Raises ``ConfigurationError``."""
    version = await schema_version(connection)
    faults = [] if version == NEWEST else [_fault_of(version)]
    open_tables = None if version_alone else await connection.fetchval(_OPEN_TABLES)
    if open_tables:
        faults.append(
            f"Row-level security is not forced on {open_tables}. Run, as {OWNER}: ALTER TABLE … ENABLE ROW "
            "LEVEL SECURITY; ALTER TABLE … FORCE ROW LEVEL SECURITY"
        )
    if faults:
        raise ConfigurationError(faults, point=validation.POSTGRES_SCHEMA)
    if not version_alone:
        await _check_rights(connection)
    return NEWEST


async def _check_rights(connection: asyncpg.Connection) -> None:
    faults = await rights_faults(connection)
    if faults:
        listed = "; ".join(faults)
        raise ConfigurationError(
            [f"Rights in the database are not those that the migrations make: {listed}. Run it as an administrator."],
            point=validation.POSTGRES_RIGHTS,
        )


async def check_reach(connection: asyncpg.Connection) -> None:
    """Look for ways to the rows from outside of the schema. Raises ``ConfigurationError`` if there are some that the operator has
    not named. The schema was checked."""
    faults = await reach_faults(connection)
    if faults:
        raise ConfigurationError(first_of(faults), point=validation.POSTGRES_REACH)


async def check_walls(connection: asyncpg.Connection) -> None:
    """Try what nobody may do in the database, in a transaction that is taken back. Raises ``ConfigurationError`` if the database
    allowed something of it."""
    ways = await open_ways(connection)
    if ways:
        listed = "; ".join(ways)
        raise ConfigurationError(
            [f"The database allows what would not keep users apart: {listed}. Undo what was changed."],
            point=validation.POSTGRES_WALLS,
        )


async def schema_version(connection: asyncpg.Connection) -> str | None:
    """The version that the database has; ``None`` where it has none. Asked as ``netra_writer``."""
    made = await connection.fetchval(
        "SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relname = 'alembic_version'", SCHEMA
    )
    if made is None:
        return None
    async with connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {WRITER}")
        version: str | None = await connection.fetchval("SELECT version_num FROM netra.alembic_version")
    return version


def _fault_of(version: str | None) -> str:
    if version is None:
        return f"The database has no Netra schema yet. {_MIGRATE}"
    if version in VERSIONS:
        return f"The database has schema version {version}, but this program needs {NEWEST}. {_MIGRATE}"
    return (
        f"The database has schema version {version}, which this program does not know (its newest is "
        f"{NEWEST}). Use the version of Netra that migrated the database, or a later one."
    )
