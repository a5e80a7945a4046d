"""Tries, before a server uses a database, what nobody may do in it: as the login, as the reader and as the writer.

Everything is tried in one transaction that is taken back, and what would change rows names none (``WHERE false``), so that trying
is harmless on a database that others use.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

import asyncpg

from .connection import OWNER, READER, WRITER

_TABLES: Final = """
SELECT relname, (SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    AND attidentity = '' AND attgenerated = '' ORDER BY attnum LIMIT 1) AS first
FROM pg_class c WHERE relnamespace = to_regnamespace('netra') AND relkind IN ('r', 'p') ORDER BY relname
"""
_CHANGES: Final = {
    "INSERT": "INSERT INTO {0} ({1}) SELECT {1} FROM {0} WHERE false",
    "UPDATE": "UPDATE {0} SET {1} = {1} WHERE false",
    "DELETE": "DELETE FROM {0} WHERE false",
    "TRUNCATE": "TRUNCATE {0}",
}
_WRITTEN_ONCE: Final = ("allowed", "audit", "audit_checkpoint", "audit_unchained", "revocation")
"""What the writer never changes."""

_OF_LOGIN: Final = (
    f"SET LOCAL ROLE {OWNER}",
    "SELECT FROM netra.thread",
    "CREATE TABLE netra.probe ()",
    "SELECT pg_read_file('PG_VERSION')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SET LOCAL session_replication_role = replica",
)
_KEPT_FROM_READER: Final = (
    "allowed", "audit_checkpoint", "audit_unchained", "mailbox", "process", "revocation", "revoked_token", "ticket"
)  # fmt: skip
_OF_READER: Final = tuple(f"SELECT FROM {table}" for table in _KEPT_FROM_READER)
_OF_WRITER: Final = (
    "SELECT payload FROM log WHERE false",
    "UPDATE log SET payload = payload WHERE false",
    "UPDATE run SET owner = owner WHERE false",
    "UPDATE request SET owner = owner WHERE false",
    "UPDATE revoked_token SET ends = ends WHERE false",
    "INSERT INTO allowed SELECT '', '' WHERE false",
    "INSERT INTO audit_checkpoint (chain) SELECT '' WHERE false",
    "SELECT pg_read_file('PG_VERSION')",
    "SET LOCAL session_replication_role = replica",
    "ALTER TABLE thread DISABLE ROW LEVEL SECURITY",
    "DROP POLICY writer_sees ON thread",
    "DROP TRIGGER keep_owner ON thread",
    "CREATE FUNCTION netra.probe() RETURNS int LANGUAGE sql AS 'SELECT 1'",
)
_DENIED: Final = (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidAuthorizationSpecificationError)


async def open_ways(connection: asyncpg.Connection) -> list[str]:
    """What was not refused though it must be, a sentence each; empty if the walls hold. The connection is as it logged in."""
    trial = connection.transaction()
    await trial.start()
    try:
        await connection.execute("SET LOCAL lock_timeout = '2s'")
        tables = [(row["relname"], row["first"]) for row in await connection.fetch(_TABLES)]
        changes = {kind: [change.format(*table) for table in tables] for kind, change in _CHANGES.items()}
        kept = [_CHANGES[kind].format(*t) for t in tables if t[0] in _WRITTEN_ONCE for kind in ("UPDATE", "DELETE")]
        ways = await _allowed(connection, None, _OF_LOGIN)
        ways += await _allowed(connection, READER, (*_OF_READER, *(one for kind in changes.values() for one in kind)))
        ways += await _allowed(connection, WRITER, (*_OF_WRITER, *kept, *changes["TRUNCATE"]))
        return ways + await _seen(connection)
    finally:
        await trial.rollback()


async def _allowed(connection: asyncpg.Connection, role: str | None, statements: Sequence[str]) -> list[str]:
    who = role or "the login"
    return [f"{who} may: {each}" for each in statements if not await _is_denied(connection, role, each)]


async def _is_denied(connection: asyncpg.Connection, role: str | None, statement: str) -> bool:
    """Whether the database refuses it for want of rights. Any other fault came behind that check, so it counts as allowed."""
    attempt = connection.transaction()
    await attempt.start()
    try:
        if role is not None:
            await connection.execute(f"SET LOCAL ROLE {role}")
        await connection.execute(statement)
    except _DENIED:
        return True
    except asyncpg.LockNotAvailableError:
        raise  # a lock that somebody else has is waited for before rights are checked: this says nothing of them
    except asyncpg.PostgresError:
        return False
    else:
        return False
    finally:
        await attempt.rollback()


async def _seen(connection: asyncpg.Connection) -> list[str]:
    """What one owner sees or touches of another's thread that is made for this and taken back."""
    one, two = (f"probe_{secrets.token_hex(8)}" for _ in range(2))
    await connection.execute(f"SET LOCAL ROLE {WRITER}")
    await connection.execute(
        "INSERT INTO thread (thread_id, owner, epoch, title, created, updated) VALUES ($1, $1, '', '', 0, 0)", one
    )
    ways: list[str] = []
    log_row = f"INSERT INTO log VALUES ('{one}', 1, 1, '{two}', 'run', 1, 0, '')"  # noqa: S608  # ids of ours
    if not await _is_denied(connection, WRITER, log_row):
        ways.append(f"{WRITER} may append what is another owner's than the thread's")
    if not await _is_denied(connection, WRITER, f"UPDATE thread SET owner = '{two}' WHERE thread_id = '{one}'"):  # noqa: S608
        ways.append(f"{WRITER} may give a thread to another owner")
    await connection.execute(f"SET LOCAL ROLE {READER}")
    for asked, expected in ((one, 1), (two, 0), ("", 0)):
        await connection.execute("SELECT set_config('netra.owner', $1, true)", asked)
        found = await connection.fetchval("SELECT count(*) FROM thread WHERE thread_id = $1", one)
        if found != expected:
            ways.append(f"{READER} finds {found} rows of a thread instead of {expected}")
    return ways
