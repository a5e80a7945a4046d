"""The trail's tables in PostgreSQL: appended to by one at a time, and read as one moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from netra_backend.app.adapters.audit.rows import Record
from netra_backend.app.adapters.postgres.audit_rows import (
    Head,
    adopt,
    append,
    cut,
    head_of,
    lock,
    owners_of,
    reading_trail,
    subjects_of,
)
from netra_backend.app.adapters.postgres.connection import WRITER, connect
from netra_backend.app.core.audit_chain import ChainKeys
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

KEYS, OTHERS = ChainKeys.of(b"k" * 32), ChainKeys.of(b"o" * 32)
RECORD: Record = (1, "ada", "refused", None, {})


@pytest.fixture
async def writer(netra_database: NetraDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(netra_database.url, WRITER)
    yield connection
    await connection.close()


async def test_who_appends_waits_until_whoever_does_has_ended(
    netra_database: NetraDatabase, writer: asyncpg.Connection
) -> None:
    other = await connect(netra_database.url, WRITER)

    async def append_second() -> Head:
        async with other.transaction():
            await lock(other)
            return await append(other, KEYS, [RECORD], await head_of(other, KEYS))

    async with writer.transaction():
        await lock(writer)
        second = asyncio.create_task(append_second())
        first = await append(writer, KEYS, [RECORD], await head_of(writer, KEYS))
    assert (first.last, (await second).last) == (1, 2)
    await other.close()
    async with reading_trail(netra_database.url) as reader:
        rows = await reader.rows(KEYS.chain, 0)
    assert rows == KEYS.seal_all(KEYS.beginning, [row.entry for row in rows])


async def test_ids_are_given_once_over_all_chains_and_go_on_behind_what_retention_removed(
    writer: asyncpg.Connection,
) -> None:
    for keys, last in ((KEYS, 1), (OTHERS, 2), (KEYS, 3)):
        assert (await append(writer, keys, [RECORD], await head_of(writer, keys))).last == last
    assert await cut(writer, KEYS, 0, 9) == 0
    assert await cut(writer, KEYS, 100, 9) == 2
    head = await head_of(writer, KEYS)
    assert (head.last, head.appended) == (3, 0)
    assert (await append(writer, KEYS, [RECORD], head)).last == 4


async def test_rows_of_an_earlier_release_are_taken_over_once_and_by_the_first_chain_alone(
    netra_database: NetraDatabase, writer: asyncpg.Connection
) -> None:
    admin = await asyncpg.connect(netra_database.admin_url)
    insert = "INSERT INTO netra.audit_unchained (id, at, owner, event, detail) VALUES ($1, 5, 'ada', 'refused', '{}')"
    await admin.execute(insert, 7)
    async with writer.transaction():
        await adopt(writer, KEYS, 9)
    assert await admin.fetchval("SELECT count(*) FROM netra.audit_unchained") == 0
    await admin.execute(insert, 99)  # somebody would like it to become a row of the chain
    for keys in (KEYS, OTHERS):
        async with writer.transaction():
            await adopt(writer, keys, 9)
    assert [tuple(row) for row in await admin.fetch("SELECT id, event FROM netra.audit ORDER BY id")] == [
        (7, "refused"),
        (8, "chain_started"),
    ]
    await admin.close()


async def test_a_user_keeps_a_pseudonym_and_two_have_different_ones(writer: asyncpg.Connection) -> None:
    first, again = await subjects_of(writer, KEYS, ["ada", "bob"]), await subjects_of(writer, KEYS, ["ada"])
    assert first["ada"] == again["ada"] != first["bob"]
    assert await owners_of(writer, KEYS, [first["bob"], "subject_x"]) == {first["bob"]: "bob"}
    assert (await subjects_of(writer, KEYS, []), await owners_of(writer, KEYS, [])) == ({}, {})


async def test_a_reader_sees_one_moment(netra_database: NetraDatabase, writer: asyncpg.Connection) -> None:
    await append(writer, KEYS, [RECORD] * 3, await head_of(writer, KEYS))
    async with reading_trail(netra_database.url) as reader:
        assert await reader.chains() == [KEYS.chain]
        await append(writer, KEYS, [RECORD], await head_of(writer, KEYS))
        assert len(await reader.rows(KEYS.chain, 0)) == 3
        assert (await reader.id_from_end(KEYS.chain, 1), await reader.id_from_end(KEYS.chain, 3)) == (2, 0)
        assert await reader.checkpoint(KEYS.chain) is None
