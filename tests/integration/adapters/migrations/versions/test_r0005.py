"""What version 0005 lets each role do: values and secrets are written, read and deleted in the name of their owner alone."""

from __future__ import annotations

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER, name_owner
from test_framework.service_clients import NetraDatabase, as_role

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

VALUE = "INSERT INTO state VALUES ($1, '', $2, 'd', 'x', 1)"
OF_THREAD = "INSERT INTO state VALUES ($1, $2, 'k', 'd', 'x', 1)"
SECRET = "INSERT INTO secret VALUES ($1, $2, 'id', 'x', 1)"


@pytest.fixture
async def database(netra_database: NetraDatabase) -> NetraDatabase:
    """A thread, a value and a secret of ada and of bob."""
    async with as_role(netra_database, WRITER) as writer:
        for owner in ("ada", "bob"):
            await writer.execute(
                "INSERT INTO thread (thread_id, owner, epoch, title, created, updated) VALUES ($1, $2, 'e', '', 1, 1)",
                f"thr_{owner}",
                owner,
            )
            async with writer.transaction():
                await name_owner(writer, owner)
                await writer.execute(VALUE, owner, "k")
                await writer.execute(SECRET, owner, "k")
    return netra_database


@pytest.mark.parametrize("statement", [VALUE, SECRET])
@pytest.mark.parametrize("owner", ["bob", "", "ada"])
async def test_it_is_written_in_the_name_of_its_owner_alone(
    database: NetraDatabase, statement: str, owner: str
) -> None:
    async with as_role(database, WRITER) as writer:
        for named in ("", "eve"):
            change = writer.transaction()
            await change.start()
            await name_owner(writer, named)
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                await writer.execute(statement, owner, "another")
            await change.rollback()


@pytest.mark.parametrize("thread_id", ["thr_bob", "thr_none"])
async def test_a_value_is_of_a_thread_of_its_owner(database: NetraDatabase, thread_id: str) -> None:
    async with as_role(database, WRITER) as writer, writer.transaction():
        await name_owner(writer, "ada")
        await writer.execute(OF_THREAD, "ada", "thr_ada")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await writer.execute(OF_THREAD, "ada", thread_id)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT value FROM state",
        "SELECT sealed FROM secret",
        "SELECT name FROM state WHERE value = 'x'",
        "DELETE FROM state RETURNING value",
        "DELETE FROM secret RETURNING sealed",
        "UPDATE state SET value = 'y'",
        "UPDATE secret SET owner = 'ada'",
        "TRUNCATE secret",
        "ALTER TABLE state NO FORCE ROW LEVEL SECURITY",
    ],
)
async def test_the_writer_reads_none_and_changes_none(database: NetraDatabase, statement: str) -> None:
    async with as_role(database, WRITER) as writer, writer.transaction():
        await name_owner(writer, "bob")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied|must be owner"):
            await writer.execute(statement)


@pytest.mark.parametrize("table", ["state", "secret"])
async def test_it_is_deleted_and_read_in_the_name_of_its_owner_alone(database: NetraDatabase, table: str) -> None:
    async with as_role(database, WRITER) as writer, as_role(database, READER) as reader:
        assert await writer.execute(f"DELETE FROM {table}") == "DELETE 0"
        assert await reader.fetch(f"SELECT * FROM {table}") == []
        async with writer.transaction():
            await name_owner(writer, "ada")
            assert await writer.execute(f"DELETE FROM {table}") == "DELETE 1"
        for owner, found in (("ada", []), ("bob", ["bob"]), ("eve", [])):
            async with reader.transaction():
                await name_owner(reader, owner)
                assert [row["owner"] for row in await reader.fetch(f"SELECT * FROM {table}")] == found
