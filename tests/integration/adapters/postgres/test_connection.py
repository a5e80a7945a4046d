"""Connections to a real PostgreSQL, each as one role."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from netra_backend.app.adapters.postgres import connection as postgres_connection
from netra_backend.app.adapters.postgres.connection import (
    READER,
    WRITER,
    Role,
    closing_pool,
    connect,
    name_owner,
    open_pool,
)
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.limits import Limits
from netra_backend.app.websocket_core.serial_queue import begin
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


@pytest.mark.parametrize("role", [WRITER, READER])
async def test_a_connection_is_its_role_from_the_start_and_after_every_reset(
    netra_database: NetraDatabase, role: Role
) -> None:
    connection = await connect(netra_database.url, role)
    try:
        assert await connection.fetchval("SELECT current_user") == role
        await connection.execute("RESET ALL")
        await connection.execute("RESET ROLE")
        assert await connection.fetchval("SELECT current_user") == role
        assert await connection.fetchval("SHOW search_path") == "netra, pg_temp"
    finally:
        await connection.close()


async def test_connections_of_a_pool_are_the_role_again_when_they_are_lent_again(netra_database: NetraDatabase) -> None:
    async with await open_pool(netra_database.url, READER, size=1) as pool:
        async with pool.acquire() as connection:
            await connection.execute("RESET ROLE")
            await connection.execute("SET ROLE netra_writer")
        async with pool.acquire() as connection:
            assert await connection.fetchval("SELECT current_user") == READER


async def test_who_has_no_task_yet_can_connect_and_borrow(netra_database: NetraDatabase) -> None:
    reached: list[str] = []

    async def ask() -> None:
        connection = await connect(netra_database.url, READER)
        reached.append(await connection.fetchval("SELECT current_user"))
        await connection.close()

    pool = await open_pool(netra_database.url, WRITER, size=2)
    one = await pool.acquire()

    async def borrow() -> None:
        async with pool.acquire() as connection:  # the second, which is made now
            reached.append(await connection.fetchval("SELECT current_user"))

    for coroutine in (ask(), borrow()):
        begun = begin(asyncio.get_running_loop(), coroutine)
        assert begun is not None
        await begun
    await pool.release(one)
    await pool.close()
    assert reached == [READER, WRITER]


async def test_the_owner_is_named_for_one_transaction(netra_database: NetraDatabase) -> None:
    connection = await connect(netra_database.url, READER)
    try:
        async with connection.transaction():
            await name_owner(connection, "ada")
            assert await connection.fetchval("SELECT netra.asked_owner()") == "ada"
        assert await connection.fetchval("SELECT netra.asked_owner()") is None
        await name_owner(connection, "ada")
        assert await connection.fetchval("SELECT netra.asked_owner()") is None
    finally:
        await connection.close()


async def test_what_is_told_of_trouble_names_no_address_and_no_value(netra_database: NetraDatabase) -> None:
    connection = await connect(netra_database.url, WRITER)
    try:
        with pytest.raises(postgres_connection.TROUBLE) as caught:
            await connection.execute("SELECT 'secret-value'::integer")
    finally:
        await connection.close()
    told = postgres_connection.unavailable(caught.value)
    assert isinstance(told, DependencyUnavailable)
    assert "InvalidTextRepresentationError" in told.message
    assert "secret-value" not in told.message
    assert told.retry_after_ms


async def test_a_closed_connection_is_trouble_too(netra_database: NetraDatabase) -> None:
    connection = await connect(netra_database.url, WRITER)
    await connection.close()
    with pytest.raises(postgres_connection.TROUBLE) as caught:
        await connection.execute("SELECT 1")
    assert isinstance(caught.value, asyncpg.InterfaceError)
    assert "does not answer" in postgres_connection.unavailable(caught.value).message


async def test_a_pool_lasts_as_long_as_its_block_and_trouble_with_having_one_is_told(
    netra_database: NetraDatabase,
) -> None:
    async with closing_pool(netra_database.url, WRITER, size=1) as pool:
        assert await pool.fetchval("SELECT current_user") == WRITER
    with pytest.raises(asyncpg.InterfaceError, match="closed"):
        await pool.fetchval("SELECT 1")
    with pytest.raises(DependencyUnavailable):
        async with closing_pool("postgresql://a:b@127.0.0.1:1/x", WRITER, size=1):
            pass


async def test_a_connection_that_does_not_come_back_keeps_no_pool_open(
    netra_database: NetraDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connection, "CLOSE_TIMEOUT_S", 0.05)
    pool = await open_pool(netra_database.url, WRITER, size=1)
    lent = await pool.acquire()
    await postgres_connection.close_pool(pool)
    with pytest.raises(asyncpg.InterfaceError):
        await lent.execute("SELECT 1")


async def test_a_statement_takes_no_longer_than_is_set(netra_database: NetraDatabase) -> None:
    quick = Limits(database_command_s=0.2)
    connection = await postgres_connection.connect(netra_database.url, WRITER, quick)
    with pytest.raises(TimeoutError):
        await connection.execute("SELECT pg_sleep(1)")
    await connection.close()
    async with closing_pool(netra_database.url, WRITER, quick, size=1) as pool:
        with pytest.raises(TimeoutError):
            await pool.execute("SELECT pg_sleep(1)")


async def test_a_connection_that_is_made_in_the_moment_in_which_its_asker_is_cancelled_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminated: list[bool] = []

    class Made:
        def terminate(self) -> None:
            terminated.append(True)

    async def made(*_: object, **__: object) -> Made:
        return Made()

    monkeypatch.setattr(asyncpg, "connect", made)
    asker = asyncio.create_task(connect("postgresql://nowhere", None))
    for _ in range(2):  # it begins to dial; the connection is made, and it does not know yet
        await asyncio.sleep(0)
    asker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asker
    assert terminated == [True]
