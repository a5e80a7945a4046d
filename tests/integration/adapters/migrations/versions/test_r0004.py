"""What version 0004 lets each role do: blobs are as much their owner's as events are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER, Role, connect, name_owner
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

BLOB = "INSERT INTO blob (thread_id, owner, ref, media, body) VALUES ($1, $2, $3, 'text/plain', 'x')"


@asynccontextmanager
async def as_role(database: NetraDatabase, role: Role) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(database.url, role)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def database(netra_database: NetraDatabase) -> NetraDatabase:
    """A thread of ada and one of bob, each with one blob."""
    async with as_role(netra_database, WRITER) as writer:
        for owner in ("ada", "bob"):
            await writer.execute(
                "INSERT INTO thread (thread_id, owner, epoch, title, created, updated) VALUES ($1, $2, 'e', '', 1, 1)",
                f"thr_{owner}",
                owner,
            )
            await writer.execute(BLOB, f"thr_{owner}", owner, "r")
    return netra_database


@pytest.mark.parametrize(
    ("thread_id", "owner"), [("thr_bob", "ada"), ("thr_none", "ada"), ("thr_none", ""), ("thr_ada", "")]
)
async def test_a_blob_is_stored_only_where_its_owner_is_the_threads_owner(
    database: NetraDatabase, thread_id: str, owner: str
) -> None:
    async with as_role(database, WRITER) as writer:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await writer.execute(BLOB, thread_id, owner, "another")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT body FROM blob",
        "SELECT * FROM blob",
        "SELECT ref FROM blob WHERE body = 'x'",
        "DELETE FROM blob RETURNING body",
        "COPY blob TO STDOUT",
        "UPDATE blob SET body = 'y'",
        "UPDATE blob SET owner = 'ada'",
        "INSERT INTO blob VALUES ('thr_ada', 'ada', 'r', 'm', 'y') ON CONFLICT (thread_id, ref) DO UPDATE SET body = 'y'",
        "TRUNCATE blob",
        "ALTER TABLE blob NO FORCE ROW LEVEL SECURITY",
    ],
)
async def test_the_writer_reads_no_blob_and_changes_none(database: NetraDatabase, statement: str) -> None:
    async with as_role(database, WRITER) as writer:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied|must be owner"):
            await writer.execute(statement)


async def test_blobs_are_deleted_and_read_in_the_name_of_their_owner_alone(database: NetraDatabase) -> None:
    async with as_role(database, WRITER) as writer, as_role(database, READER) as reader:
        assert await writer.execute("DELETE FROM blob") == "DELETE 0"
        assert await reader.fetch("SELECT * FROM blob") == []
        async with writer.transaction():
            await name_owner(writer, "ada")
            assert await writer.execute("DELETE FROM blob") == "DELETE 1"
        for owner, found in (("ada", []), ("bob", ["thr_bob"]), ("eve", [])):
            async with reader.transaction():
                await name_owner(reader, owner)
                assert [row["thread_id"] for row in await reader.fetch("SELECT * FROM blob")] == found
