"""What version 0003 leaves of the pseudonyms that are there, and who may say what else reaches the rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from netra_backend.app.adapters.migrations import steps
from netra_backend.app.adapters.postgres.connection import READER, WRITER, Role, connect, name_owner
from netra_backend.app.adapters.postgres.migration import migrate_postgres
from test_framework.service_clients import NetraDatabase, own_database
from test_framework.services import Service

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

ROW = "INSERT INTO netra.audit (id, chain, at, subject, event, detail, seal) VALUES ($1, 'c', 1, $2, 'connected', '{}', 's')"
OF_0002 = "INSERT INTO netra.audit_subject (owner, subject) VALUES ($1, $2) ON CONFLICT DO NOTHING"
"""How processes of version 0002 give out pseudonyms."""


@asynccontextmanager
async def as_role(url: str, role: Role) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(url, role)
    try:
        yield connection
    finally:
        await connection.close()


async def test_pseudonyms_of_version_0002_stay_and_lead_where_they_led(
    postgres_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with own_database(postgres_service.url) as (admin, url):
        with monkeypatch.context() as earlier:
            earlier.setattr(steps, "NEWEST", "0002")
            await migrate_postgres(url, lambda _: None)
        for id, (owner, subject) in enumerate((("ada", "s_ada"), ("bob", "s_bob")), 1):
            await admin.execute(OF_0002, owner, subject)
            await admin.execute(ROW, id, subject)
        told: list[str] = []
        await migrate_postgres(url, told.append)
        assert told[0] == "migrated the schema to version 0003"
        rows = await admin.fetch("SELECT owner, subject, chain, seal FROM netra.audit_subject ORDER BY owner")
        assert [tuple(row) for row in rows] == [("ada", "s_ada", "", b""), ("bob", "s_bob", "", b"")]
        async with as_role(url, READER) as reader, reader.transaction():
            await name_owner(reader, "ada")
            assert [row["id"] for row in await reader.fetch("SELECT id FROM audit")] == [1]


async def test_a_process_of_version_0002_goes_on_giving_out_one_pseudonym_to_each_user(
    netra_database: NetraDatabase,
) -> None:
    async with as_role(netra_database.url, WRITER) as writer:
        for subject in ("s_1", "s_2"):
            await writer.execute(OF_0002, "ada", subject)
        assert [row["subject"] for row in await writer.fetch("SELECT subject FROM audit_subject")] == ["s_1"]


async def test_a_reader_sees_rows_under_each_pseudonym_of_its_owner(netra_database: NetraDatabase) -> None:
    async with as_role(netra_database.url, WRITER) as writer:
        for id, (owner, chain) in enumerate((("ada", "c"), ("ada", "d"), ("bob", "c")), 1):
            await writer.execute(
                "INSERT INTO audit_subject (owner, subject, chain) VALUES ($1, $2, $3)", owner, f"s_{id}", chain
            )
            await writer.execute(ROW, id, f"s_{id}")
    async with as_role(netra_database.url, READER) as reader:
        for owner, ids in (("ada", [1, 2]), ("bob", [3]), ("", [])):
            async with reader.transaction():
                await name_owner(reader, owner)
                assert [row["id"] for row in await reader.fetch("SELECT id FROM audit ORDER BY id")] == ids


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_subject SET owner = 'eve'",
        "UPDATE audit_subject SET seal = ''",
        "INSERT INTO allowed VALUES ('login', 'eve')",
        "UPDATE allowed SET name = 'eve'",
        "DELETE FROM allowed",
        "TRUNCATE allowed",
    ],
)
async def test_the_writer_changes_no_pseudonym_and_allows_nobody(netra_database: NetraDatabase, statement: str) -> None:
    async with as_role(netra_database.url, WRITER) as writer:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await writer.execute(statement)


async def test_the_reader_does_not_learn_who_is_allowed(netra_database: NetraDatabase) -> None:
    async with as_role(netra_database.url, READER) as reader:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch("SELECT * FROM allowed")


async def test_only_kinds_that_the_start_asks_for_can_be_allowed(netra_database: NetraDatabase) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await netra_database.as_admin("INSERT INTO netra.allowed VALUES ('anybody', 'eve')")
