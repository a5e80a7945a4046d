"""What version 0008 lets each role do: API keys are written, deleted and told used in the name of their owner alone, and the
writer finds them by their ids."""

from __future__ import annotations

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER
from test_framework.service_clients import NetraDatabase, in_the_name_of

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

KEY = "INSERT INTO api_key VALUES ($1, $2, $3, 'x', '[]', '[]', '', 1, 1, 2, 0)"


@pytest.fixture
async def database(netra_database: NetraDatabase) -> NetraDatabase:
    """A key of ada and one of bob."""
    for owner in ("ada", "bob"):
        async with in_the_name_of(netra_database, WRITER, owner) as writer:
            await writer.execute(KEY, f"of-{owner}", owner, "ci")
    return netra_database


@pytest.mark.parametrize("named", ["", "eve"])
async def test_it_is_written_in_the_name_of_its_owner_alone(database: NetraDatabase, named: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with in_the_name_of(database, WRITER, named) as writer:
            await writer.execute(KEY, "another", "ada", "another")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE api_key SET owner = 'bob'",
        "UPDATE api_key SET digest = 'mine'",
        "UPDATE api_key SET scopes = '[\"admin\"]'",
        "UPDATE api_key SET expires = 9",
        "TRUNCATE api_key",
        "ALTER TABLE api_key NO FORCE ROW LEVEL SECURITY",
    ],
)
async def test_the_writer_changes_nothing_but_when_it_was_used(database: NetraDatabase, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied|must be owner"):
        async with in_the_name_of(database, WRITER, "bob") as writer:
            await writer.execute(statement)


async def test_it_is_read_told_used_and_deleted_in_the_name_of_its_owner_alone(database: NetraDatabase) -> None:
    for owner, found in (("", []), ("eve", []), ("ada", ["ada"]), ("bob", ["bob"])):
        async with in_the_name_of(database, READER, owner) as reader:
            assert [row["owner"] for row in await reader.fetch("SELECT * FROM api_key")] == found
    for owner, changed in (("", 0), ("eve", 0), ("ada", 1)):
        async with in_the_name_of(database, WRITER, owner) as writer:
            assert await writer.execute("UPDATE api_key SET used = 5") == f"UPDATE {changed}"
            assert await writer.execute("DELETE FROM api_key") == f"DELETE {changed}"
    async with in_the_name_of(database, WRITER, "") as writer:
        left = await writer.fetch("SELECT key_id, used FROM api_key WHERE key_id = 'of-bob'")
        assert [tuple(row) for row in left] == [("of-bob", 0)]
