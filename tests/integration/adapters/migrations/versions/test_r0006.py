"""What version 0006 lets each role do: what model requests cost is its user's, and sums stay until they are old."""

from __future__ import annotations

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER
from netra_backend.app.core.budgets import subject_of
from test_framework.service_clients import NetraDatabase, in_the_name_of

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

USE = """
INSERT INTO model_use (owner, call_id, attempt, at, day, model, usd, input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, reasoning_tokens, settled)
VALUES ($1, $2, 1, 1, '2026-11-30', 'm', 1, 1, 1, 0, 0, 0, true)
"""
SPEND = "INSERT INTO spend (subject, day, usd, tokens, requests) VALUES ($1, $2, 1, 1, 1)"


@pytest.fixture
async def spent(netra_database: NetraDatabase) -> NetraDatabase:
    """A request of ada and one of bob, with sums of this time and of long ago."""
    for owner in ("ada", "bob"):
        async with in_the_name_of(netra_database, WRITER, owner) as writer:
            await writer.execute(USE, owner, "run_1:1")
            for day in ("2001-01-01", "2999-12-31"):
                await writer.execute(SPEND, subject_of(owner), day)
    return netra_database


@pytest.mark.parametrize(
    ("statement", "given"), [(USE, ("bob", "run_2:1")), (SPEND, (subject_of("bob"), "2026-11-30"))]
)
@pytest.mark.parametrize("named", ["", "ada"])
async def test_it_is_written_in_the_name_of_its_owner_alone(
    spent: NetraDatabase, statement: str, given: tuple[str, str], named: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with in_the_name_of(spent, WRITER, named) as writer:
            await writer.execute(statement, *given)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE model_use SET owner = 'ada'",
        "UPDATE model_use SET day = '2026-11-29'",
        "UPDATE spend SET subject = 'x'",
        "TRUNCATE spend",
        "ALTER TABLE spend NO FORCE ROW LEVEL SECURITY",
    ],
)
async def test_nothing_is_moved_to_another_owner_or_day(spent: NetraDatabase, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied|must be owner"):
        async with in_the_name_of(spent, WRITER, "bob") as writer:
            await writer.execute(statement)


async def test_it_is_changed_deleted_and_read_in_the_name_of_its_owner_alone(spent: NetraDatabase) -> None:
    async with in_the_name_of(spent, WRITER, "ada") as writer:
        assert await writer.execute("UPDATE model_use SET usd = 2") == "UPDATE 1"
        assert await writer.execute("UPDATE spend SET usd = 2") == "UPDATE 2"
        assert await writer.execute("DELETE FROM model_use") == "DELETE 1"
    for owner, found in (("ada", []), ("bob", ["bob"]), ("eve", []), ("", [])):
        async with in_the_name_of(spent, READER, owner) as reader:
            assert [row["owner"] for row in await reader.fetch("SELECT owner FROM model_use")] == found
    async with in_the_name_of(spent, READER, "bob") as reader:
        assert {row["subject"] for row in await reader.fetch("SELECT subject FROM spend")} == {subject_of("bob")}


async def test_sums_cannot_be_deleted_before_they_are_old_by_nobody(spent: NetraDatabase) -> None:
    async with in_the_name_of(spent, WRITER, "ada") as writer:
        assert await writer.execute("DELETE FROM spend") == "DELETE 2"
        assert {row["day"] for row in await writer.fetch("SELECT day FROM spend")} == {"2999-12-31"}
