"""What version 0007 lets each role do: MCP servers are written, read and deleted in the name of their owner alone."""

from __future__ import annotations

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER
from test_framework.service_clients import NetraDatabase, in_the_name_of

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

SERVER = "INSERT INTO mcp_server VALUES ($1, $2, 'id', 'x', 1)"


@pytest.fixture
async def database(netra_database: NetraDatabase) -> NetraDatabase:
    """A server of ada and one of bob."""
    for owner in ("ada", "bob"):
        async with in_the_name_of(netra_database, WRITER, owner) as writer:
            await writer.execute(SERVER, owner, "mcp_1")
    return netra_database


@pytest.mark.parametrize("named", ["", "eve"])
async def test_it_is_written_in_the_name_of_its_owner_alone(database: NetraDatabase, named: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with in_the_name_of(database, WRITER, named) as writer:
            await writer.execute(SERVER, "ada", "mcp_2")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT sealed FROM mcp_server",
        "SELECT name FROM mcp_server WHERE sealed = 'x'",
        "DELETE FROM mcp_server RETURNING sealed",
        "UPDATE mcp_server SET owner = 'bob'",
        "TRUNCATE mcp_server",
        "ALTER TABLE mcp_server NO FORCE ROW LEVEL SECURITY",
    ],
)
async def test_the_writer_reads_none_and_changes_none(database: NetraDatabase, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied|must be owner"):
        async with in_the_name_of(database, WRITER, "bob") as writer:
            await writer.execute(statement)


async def test_it_is_deleted_and_read_in_the_name_of_its_owner_alone(database: NetraDatabase) -> None:
    for owner, found in (("", []), ("eve", []), ("ada", ["ada"]), ("bob", ["bob"])):
        async with in_the_name_of(database, READER, owner) as reader:
            assert [row["owner"] for row in await reader.fetch("SELECT * FROM mcp_server")] == found
    for owner, deleted in (("", 0), ("eve", 0), ("ada", 1)):
        async with in_the_name_of(database, WRITER, owner) as writer:
            assert await writer.execute("DELETE FROM mcp_server") == f"DELETE {deleted}"
    async with in_the_name_of(database, READER, "bob") as reader:
        assert len(await reader.fetch("SELECT * FROM mcp_server")) == 1
