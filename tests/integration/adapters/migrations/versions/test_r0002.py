"""What version 0002 lets each role do: the audit trail grows, and nobody changes it; a sign-in is revoked, and it stays so."""

from __future__ import annotations

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER, connect, name_owner
from test_framework.service_clients import NetraDatabase, as_role

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

DAY_MS = 24 * 3600 * 1000
INSERT = (
    "INSERT INTO audit (id, chain, at, subject, event, detail, seal) VALUES ($1, 'c', $2, $3, 'connected', '{}', $4)"
)
CUT = "SELECT cut_audit('c', $1, $2, 1, 1, 'mac')"


@pytest.fixture
async def database(netra_database: NetraDatabase) -> NetraDatabase:
    """A trail with rows of two days ago, of ada and bob, and one of now."""
    async with as_role(netra_database, WRITER) as writer:
        now_ms = await writer.fetchval("SELECT now_ms()")
        for id, (owner, at) in enumerate(
            (("ada", now_ms - 2 * DAY_MS), ("bob", now_ms - 2 * DAY_MS), ("ada", now_ms)), 1
        ):
            await writer.execute(
                "INSERT INTO audit_subject VALUES ($1, $2) ON CONFLICT DO NOTHING", owner, f"s_{owner}"
            )
            await writer.execute(INSERT, id, at, f"s_{owner}", b"seal %d" % id)
    return netra_database


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET detail = '{}'",
        "UPDATE audit SET subject = NULL",
        "INSERT INTO audit SELECT * FROM audit ON CONFLICT (id) DO UPDATE SET detail = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "SELECT * FROM audit FOR UPDATE",
        "UPDATE audit_subject SET subject = 's_bob'",
        "TRUNCATE audit_subject",
        "INSERT INTO audit_checkpoint VALUES ('c', 1, 's', 1, 1, 'm')",
        "DELETE FROM audit_checkpoint",
        "INSERT INTO audit_unchained VALUES (1, 1, 'ada', 'refused', NULL, '{}')",
        "DELETE FROM audit_unchained",
        "SET LOCAL netra.audit_cut = 'c'; DELETE FROM audit",
        "ALTER TABLE audit NO FORCE ROW LEVEL SECURITY",
        "CREATE OR REPLACE FUNCTION netra.asked_cut() RETURNS text LANGUAGE sql AS $$ SELECT 'c' $$",
        "UPDATE revocation SET until = 0",
        "DELETE FROM revocation",
    ],
)
async def test_the_writer_changes_and_removes_nothing(database: NetraDatabase, statement: str) -> None:
    async with as_role(database, WRITER) as writer:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await writer.execute(statement)
        assert await writer.fetchval("SELECT count(*) FROM audit") == 3


async def test_retention_leaves_a_checkpoint_and_the_rows_of_the_last_day(database: NetraDatabase) -> None:
    async with as_role(database, WRITER) as writer:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="rows of the last day stay"):
            await writer.execute(CUT, 3, b"seal 3")
        for id, seal in ((2, b"another"), (0, b"seal 2")):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="a checkpoint names the last row"):
                await writer.execute(CUT, id, seal)
        assert await writer.fetchval(CUT, 2, b"seal 2") == 2
        assert [row["id"] for row in await writer.fetch("SELECT id FROM audit")] == [3]
        assert [tuple(row) for row in await writer.fetch("SELECT * FROM audit_checkpoint")] == [
            ("c", 2, b"seal 2", 1, 1, b"mac")
        ]


async def test_rows_that_are_not_in_the_chain_yet_cannot_be_let_go_of(database: NetraDatabase) -> None:
    admin = await asyncpg.connect(database.admin_url)
    await admin.execute(
        "INSERT INTO netra.audit_unchained (id, at, event, detail) VALUES (3, 1, 'refused', '{}'), (4, 1, 'refused', '{}')"
    )
    async with as_role(database, WRITER) as writer:
        await writer.execute("SELECT forget_unchained_audit()")
    assert [row["id"] for row in await admin.fetch("SELECT id FROM netra.audit_unchained")] == [4]
    await admin.close()


async def test_a_pseudonym_is_let_go_of_for_the_owner_that_the_transaction_names_alone(database: NetraDatabase) -> None:
    async with as_role(database, WRITER) as writer:
        assert await writer.execute("DELETE FROM audit_subject") == "DELETE 0"
        async with writer.transaction():
            await name_owner(writer, "ada")
            assert await writer.execute("DELETE FROM audit_subject") == "DELETE 1"
        assert [row["owner"] for row in await writer.fetch("SELECT owner FROM audit_subject")] == ["bob"]


async def test_the_reader_sees_the_rows_of_the_owner_that_its_transaction_names(database: NetraDatabase) -> None:
    async with as_role(database, READER) as reader:
        for owner, ids in (("ada", [1, 3]), ("bob", [2]), ("eve", [])):
            async with reader.transaction():
                await name_owner(reader, owner)
                assert [row["id"] for row in await reader.fetch("SELECT id FROM audit ORDER BY id")] == ids
                assert len(await reader.fetch("SELECT * FROM audit_subject")) == len(ids[:1])
        assert await reader.fetch("SELECT * FROM audit") == []
        for statement in (
            "SELECT * FROM audit_checkpoint",
            "SELECT * FROM audit_unchained",
            CUT.replace("$1, $2", "1, 's'"),
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
                await reader.execute(statement)


FAR_MS = 1 << 45


async def test_a_revocation_cannot_be_undone_before_its_token_is_dead(netra_database: NetraDatabase) -> None:
    writer = await connect(netra_database.url, WRITER)
    try:
        await writer.execute(f"INSERT INTO revoked_token VALUES ('ada', 'live', {FAR_MS}), ('ada', 'dead', 1)")
        await writer.execute("DELETE FROM revoked_token")
        rows = await writer.fetch("SELECT token_id FROM revoked_token")
        assert [row["token_id"] for row in rows] == ["live"]
        for attempt in ("UPDATE revoked_token SET ends = 0", "TRUNCATE revoked_token"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await writer.execute(attempt)
    finally:
        await writer.close()


async def test_the_reader_does_not_learn_who_is_revoked(netra_database: NetraDatabase) -> None:
    reader = await connect(netra_database.url, READER)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch("SELECT * FROM revoked_token")
    finally:
        await reader.close()
