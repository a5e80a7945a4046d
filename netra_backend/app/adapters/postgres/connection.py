"""Connections to PostgreSQL, each as the one role that its job needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Literal

import asyncpg

from ...core.errors import DependencyUnavailable
from ...core.limits import USUAL, Limits

SCHEMA: Final = "netra"
OWNER: Final = "netra_owner"
WRITER: Final = "netra_writer"
READER: Final = "netra_reader"
Role = Literal["netra_writer", "netra_reader"]

CLOSE_TIMEOUT_S: Final = 3.0

TROUBLE: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a connection raises where the database is gone, refuses or does not answer in time (``TimeoutError`` is one; where it
is gone in the middle of a statement, the driver may also say that its own state does not fit)."""

_SETTINGS: Final = {
    "search_path": f"{SCHEMA}, pg_temp",  # nothing temporary is ever taken for a table of ours
    "application_name": "netra",
    "jit": "off",  # every statement is short
    "idle_in_transaction_session_timeout": "10s",  # a process that is frozen keeps no row locked
}


async def connect(url: str, role: Role | None, limits: Limits = USUAL) -> asyncpg.Connection:
    """One connection that is ``role`` from its first statement on; ``None``: what logged in. Raises ``TROUBLE``."""
    return await _dial(
        url,
        timeout=limits.database_connect_s,
        command_timeout=limits.database_command_s,
        server_settings=_settings(role),
    )


async def open_pool(url: str, role: Role, limits: Limits = USUAL, *, size: int) -> asyncpg.Pool:
    """Up to ``size`` connections that are ``role``; made as they are needed, after the first. Raises ``TROUBLE``."""
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        timeout=limits.database_connect_s,
        command_timeout=limits.database_command_s,
        server_settings=_settings(role),
        connect=_dial,
        reset=_reset,
    )


async def _dial(*arguments: Any, **keywords: Any) -> asyncpg.Connection:
    """``asyncpg.connect`` in a task of its own, which its timeout needs: who asks may be a coroutine that has none yet."""
    dialling = asyncio.create_task(asyncpg.connect(*arguments, **keywords))
    try:
        return await dialling
    except asyncio.CancelledError:  # who asked is gone: a connection that was just made would be nobody's
        if dialling.done() and not dialling.cancelled() and dialling.exception() is None:
            dialling.result().terminate()
        raise


async def close_pool(pool: asyncpg.Pool) -> None:
    """Close the pool's connections; those that do not end in time, because the database is away, are cut."""
    with suppress(*TROUBLE):  # a close that is cancelled cuts what is left
        await asyncio.wait_for(pool.close(), CLOSE_TIMEOUT_S)


@asynccontextmanager
async def closing_pool(url: str, role: Role, limits: Limits = USUAL, *, size: int) -> AsyncIterator[asyncpg.Pool]:
    """A pool for the length of a block. Raises ``DependencyUnavailable`` where none can be had."""
    try:
        pool = await open_pool(url, role, limits, size=size)
    except TROUBLE as trouble:
        raise unavailable(trouble) from trouble
    try:
        yield pool
    finally:
        await close_pool(pool)


async def _reset(connection: asyncpg.Connection) -> None:
    """Before a connection is lent again it is what it was at first; of its role PostgreSQL has to be told on its own."""
    await connection.execute(f"{connection.get_reset_query()} RESET ROLE")


def _settings(role: Role | None) -> dict[str, str]:
    # As a setting of the session's start, the role is also what every reset of the session leads back to.
    return _SETTINGS if role is None else {**_SETTINGS, "role": role}


async def name_owner(connection: asyncpg.Connection, owner: str) -> None:
    """Say whose rows this transaction is about. Outside of a transaction it says nothing."""
    await connection.execute("SELECT set_config('netra.owner', $1, true)", owner)


def unavailable(error: BaseException) -> DependencyUnavailable:
    """What a caller is told where the database did not do it: never an address, nor what was sent."""
    reason = type(error).__name__ if isinstance(error, asyncpg.PostgresError) else "it does not answer"
    return DependencyUnavailable(f"PostgreSQL cannot be used ({reason}).", retry_after_ms=5000)
