"""What version 0004 lets each role do: blobs and files are as much their owner's as events are."""

from __future__ import annotations

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER, name_owner
from test_framework.service_clients import NetraDatabase, as_role

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

BLOB = "INSERT INTO blob (thread_id, owner, ref, media, body) VALUES ($1, $2, $3, 'text/plain', 'x')"


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


# --- files ----------------------------------------------------------------------------------------------------------

FILE = "INSERT INTO file (file_id, owner, media, created) VALUES ($1, $2, 'text/plain', 1)"
PART = "INSERT INTO file_part (file_id, n, owner, body) VALUES ($1, 0, $2, 'x')"


@pytest.fixture
async def shelf(netra_database: NetraDatabase) -> NetraDatabase:
    """A file of ada and one of bob, each of one part."""
    async with as_role(netra_database, WRITER) as writer:
        for owner in ("ada", "bob"):
            async with writer.transaction():
                await name_owner(writer, owner)
                await writer.execute(FILE, f"file_{owner}", owner)
                await writer.execute(PART, f"file_{owner}", owner)
    return netra_database


@pytest.mark.parametrize("statement", [FILE, PART])
@pytest.mark.parametrize("owner", ["bob", "", "ada"])
async def test_a_file_is_written_in_the_name_of_its_owner_alone(
    shelf: NetraDatabase, statement: str, owner: str
) -> None:
    async with as_role(shelf, WRITER) as writer:
        for named in ("", "eve"):
            change = writer.transaction()
            await change.start()
            await name_owner(writer, named)
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                await writer.execute(statement, "file_3", owner)
            await change.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT body FROM file_part",
        "DELETE FROM file_part RETURNING body",
        "UPDATE file_part SET body = 'y'",
        "UPDATE file SET owner = 'ada'",
        "UPDATE file SET media = 'text/html'",
        "TRUNCATE file_part",
        "ALTER TABLE file NO FORCE ROW LEVEL SECURITY",
    ],
)
async def test_the_writer_reads_no_part_and_changes_no_owner(shelf: NetraDatabase, statement: str) -> None:
    async with as_role(shelf, WRITER) as writer, writer.transaction():
        await name_owner(writer, "bob")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied|must be owner"):
            await writer.execute(statement)


async def test_files_are_changed_deleted_and_read_in_the_name_of_their_owner_alone(shelf: NetraDatabase) -> None:
    async with as_role(shelf, WRITER) as writer, as_role(shelf, READER) as reader:
        for table in ("file", "file_part"):
            assert await writer.execute(f"DELETE FROM {table}") == "DELETE 0"
            assert await reader.fetch(f"SELECT * FROM {table}") == []
            for owner in ("ada", "bob"):
                async with reader.transaction():
                    await name_owner(reader, owner)
                    assert [row["owner"] for row in await reader.fetch(f"SELECT * FROM {table}")] == [owner]
        assert await writer.execute("UPDATE file SET run_id = 'run_1'") == "UPDATE 0"
        async with writer.transaction():
            await name_owner(writer, "ada")
            assert await writer.execute("UPDATE file SET run_id = 'run_1'") == "UPDATE 1"
            assert await writer.execute("DELETE FROM file") == "DELETE 1"
