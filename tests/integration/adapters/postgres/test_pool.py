"""Lasting connections to a real PostgreSQL: lent, broken, and made again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool, is_lost
from netra_backend.app.core.errors import DependencyUnavailable
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

PID = "SELECT pg_backend_pid() AS pid"


@pytest.fixture
async def lines(netra_database: NetraDatabase) -> AsyncIterator[PostgresConnectionPool]:
    lines = PostgresConnectionPool(netra_database.url, WRITER, 2)
    yield lines
    await lines.close()


async def test_a_connection_lasts_and_more_than_there_are_wait_for_one(lines: PostgresConnectionPool) -> None:
    (first,) = await lines.ask(PID)
    (second,) = await lines.ask(PID)
    assert first["pid"] == second["pid"]
    answers = await asyncio.gather(*(lines.ask(PID) for _ in range(20)))
    assert len({rows[0]["pid"] for rows in answers}) <= 2


async def test_a_question_on_a_connection_that_was_cut_is_asked_again(
    lines: PostgresConnectionPool, netra_database: NetraDatabase
) -> None:
    before = {row["pid"] for rows in await asyncio.gather(lines.ask(PID), lines.ask(PID)) for row in rows}
    admin = await asyncpg.connect(netra_database.admin_url)
    for pid in before:
        await admin.execute("SELECT pg_terminate_backend($1)", pid)
    await admin.close()
    (after,) = await lines.ask(PID)
    assert after["pid"] not in before


async def test_a_question_that_the_database_refuses_is_told_once_and_breaks_nothing(
    lines: PostgresConnectionPool,
) -> None:
    with pytest.raises(DependencyUnavailable, match="UndefinedTableError"):
        await lines.ask("SELECT * FROM nothing_of_that_name")
    assert await lines.ask("SELECT 1 AS one") != []


async def test_a_role_reads_what_it_may_and_no_more(
    netra_database: NetraDatabase, lines: PostgresConnectionPool
) -> None:
    readers = PostgresConnectionPool(netra_database.url, READER, 1)
    try:
        assert await readers.ask("SELECT payload FROM log") == []
        with pytest.raises(DependencyUnavailable, match="InsufficientPrivilegeError"):
            await lines.ask("SELECT payload FROM log")
    finally:
        await readers.close()


async def test_a_database_that_is_not_there_is_told_of(netra_database: NetraDatabase) -> None:
    nowhere = PostgresConnectionPool(netra_database.url + "_of_nobody", WRITER, 1)
    with pytest.raises(DependencyUnavailable):
        await nowhere.ask("SELECT 1")
    await nowhere.close()


def test_what_broke_the_connection_is_told_from_what_the_database_said() -> None:
    said, cut = asyncpg.UndefinedTableError("no"), asyncpg.AdminShutdownError("bye")
    lost = (ConnectionResetError(), TimeoutError(), asyncpg.InterfaceError("closed"), cut)
    assert [is_lost(trouble) for trouble in (said, *lost)] == [False, True, True, True, True]


async def test_readers_of_one_owner_keep_no_other_owner_waiting(netra_database: NetraDatabase) -> None:
    readers = PostgresConnectionPool(netra_database.url, READER, 2)
    slow = "SELECT $1::text AS owner, pg_sleep(0.2)"
    try:
        long_ones = [asyncio.ensure_future(readers.ask(slow, "user_ada")) for _ in range(8)]
        await asyncio.sleep(0)
        await readers.ask("SELECT $1::text AS owner", "user_bob")
        assert sum(each.done() for each in long_ones) <= 2
        await asyncio.gather(*long_ones)
    finally:
        await readers.close()
