"""The audit trail while its database is away, and what PostgreSQL itself holds back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from netra_backend.app.adapters.audit.anchors import LogAnchor
from netra_backend.app.adapters.audit.place import Place
from netra_backend.app.adapters.postgres import audit as postgres_audit
from netra_backend.app.adapters.postgres.audit import PostgresAudit
from netra_backend.app.adapters.postgres.connection import READER, WRITER, open_pool
from netra_backend.app.adapters.postgres.migration import Login, migrate_postgres
from netra_backend.app.core.audit_chain import ChainKeys
from netra_backend.app.core.errors import ConfigurationError, DependencyUnavailable
from netra_backend.app.core.limits import USUAL, Limits
from test_framework.audit_trail import KEY, place_in
from test_framework.clock import ManualClock
from test_framework.service_clients import NetraDatabase, Prepared
from test_framework.services import Service
from test_framework.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


@pytest.fixture
async def mortal(own_server: Service) -> NetraDatabase:
    """The schema in a database of that server."""
    place = Prepared(own_server.url, "postgres", "some_server", "some-word")
    await migrate_postgres(own_server.url, lambda _: None, login=Login(place.login, place.password))
    return NetraDatabase(place.login_url("postgres"), place.admin_url("postgres"))


@pytest.fixture
async def pools(netra_database: NetraDatabase) -> AsyncIterator[tuple[asyncpg.Pool, asyncpg.Pool]]:
    async with (
        await open_pool(netra_database.url, WRITER, size=1) as writer,
        await open_pool(netra_database.url, READER, size=1) as reader,
    ):
        yield writer, reader


Pools = tuple[asyncpg.Pool, asyncpg.Pool]


async def opened(database: NetraDatabase, pools: Pools, directory: Path, limits: Limits = USUAL) -> PostgresAudit:
    return await PostgresAudit.open(database.url, *pools, place_in(directory), ManualClock(), limits)


async def rename(database: NetraDatabase, one: str, other: str) -> None:
    await database.as_admin(f"ALTER TABLE netra.{one} RENAME TO {other}")


async def test_what_is_recorded_while_the_database_is_away_is_stored_when_it_is_back(
    own_server: Service, mortal: NetraDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_audit, "_AGAIN_S", 0.01)
    async with (
        await open_pool(mortal.url, WRITER, size=1) as writer,
        await open_pool(mortal.url, READER, size=1) as reader,
    ):
        audit = await opened(mortal, (writer, reader), tmp_path)
        audit.record("ada", "refused", None, {}, 1)
        assert len(await audit.rows("ada", 10)) == 1
        own_server.kill()
        for number in range(2, 502):
            audit.record("ada", "refused", None, {}, number)
        for question in (audit.rows("ada", 10), audit.pseudonymise("ada")):
            with pytest.raises(DependencyUnavailable, match="PostgreSQL cannot be used"):
                await question
        await asyncio.to_thread(own_server.restart)
        assert audit._writing is not None
        await audit._writing
        assert [row["at_ms"] for row in await audit.rows("ada", 1000)] == list(range(501, 0, -1))
        assert audit.dropped == 0
        await audit.close()


async def test_what_cannot_be_stored_by_the_end_is_counted_as_lost(
    netra_database: NetraDatabase,
    pools: Pools,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(postgres_audit, "_CLOSE_S", 0.05)
    audit = await opened(netra_database, pools, tmp_path)
    holder = await asyncpg.connect(netra_database.admin_url)
    held = holder.transaction()
    await held.start()
    await holder.execute("LOCK TABLE netra.audit")
    audit.record("ada", "refused", None, {}, 1)
    audit.record("ada", "refused", None, {}, 2)
    with caplog.at_level(logging.ERROR):
        await audit.close()
    await held.rollback()
    await holder.close()
    assert audit.counts() == {"rows": 2, "rows_dropped": 2}
    assert "2 audit rows were lost" in caplog.text


async def test_a_full_queue_drops_and_counts_and_waits_for_nothing(
    netra_database: NetraDatabase, pools: Pools, tmp_path: Path
) -> None:
    audit = await opened(netra_database, pools, tmp_path, limits=Limits(audit_waiting=10))
    for number in range(25):
        audit.record("ada", "refused", None, {}, number)
    assert audit.dropped == 15
    assert [row["at_ms"] for row in await audit.rows("ada", 100)] == list(range(9, -1, -1))
    await audit.close()


async def test_what_the_database_does_not_take_waits_until_it_does(
    netra_database: NetraDatabase,
    pools: Pools,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres_audit, "_AGAIN_S", 0.01)
    audit = await opened(netra_database, pools, tmp_path)
    await rename(netra_database, "audit", "elsewhere")
    with caplog.at_level(logging.ERROR):
        audit.record("ada", "refused", None, {}, 1)
        with pytest.raises(DependencyUnavailable, match="UndefinedTable"):
            await audit.rows("ada", 1)
    assert "UndefinedTable" in audit.trouble
    assert "the audit trail's rows cannot be written" in caplog.text
    await rename(netra_database, "elsewhere", "audit")
    audit.record("ada", "refused", None, {}, 2)
    assert [row["at_ms"] for row in await audit.rows("ada", 10)] == [2, 1]
    assert (audit.dropped, audit.trouble) == (0, "")
    await audit.close()


async def test_an_end_that_is_cut_off_while_the_server_goes_on_is_noticed_and_no_anchor_covers_it_up(
    netra_database: NetraDatabase, pools: Pools, tmp_path: Path
) -> None:
    audit = await opened(netra_database, pools, tmp_path)
    for number in range(5):
        audit.record("ada", "refused", None, {}, number)
        await audit.rows("ada", 1)
    await until(
        lambda: [each.id for each in place_in(tmp_path).anchor.read()] == [5]
    )  # it follows in a task of its own
    await netra_database.as_admin("DELETE FROM netra.audit WHERE id > 2")
    audit.record("ada", "refused", None, {}, 9)
    await audit.rows("ada", 1)
    assert "row 5" in audit.broken
    assert (await audit.verdict()).state == "broken"
    await audit.close()
    with pytest.raises(ConfigurationError, match="The audit trail in PostgreSQL is broken"):
        await opened(netra_database, pools, tmp_path)


async def test_a_process_notices_that_the_row_it_knows_is_gone_where_no_anchor_can_be_read_back(
    netra_database: NetraDatabase, pools: Pools
) -> None:
    place = Place(ChainKeys.of(KEY.encode()), LogAnchor())
    audit = await PostgresAudit.open(netra_database.url, *pools, place, ManualClock())
    for number in range(3):
        audit.record("ada", "refused", None, {}, number)
    await audit.rows("ada", 1)
    await netra_database.as_admin("DELETE FROM netra.audit WHERE id > 1")
    assert audit.broken == ""
    audit.record("ada", "refused", None, {}, 9)
    await audit.rows("ada", 1)
    assert "row 3, which this process knows, is gone" in audit.broken
    await audit.close()


async def test_processes_with_one_key_write_one_chain_and_neither_waits_for_the_others_anchor(
    netra_database: NetraDatabase, pools: Pools, tmp_path: Path
) -> None:
    async with (
        await open_pool(netra_database.url, WRITER, size=1) as writer,
        await open_pool(netra_database.url, READER, size=1) as reader,
    ):
        (tmp_path / "other").mkdir()
        one = await opened(netra_database, pools, tmp_path)
        other = await opened(netra_database, (writer, reader), tmp_path / "other")
        for number in range(500):
            one.record("ada", "refused", None, {"from": "one"}, number)
            other.record("bob", "refused", None, {"from": "other"}, number)
        await asyncio.gather(one.close(), other.close())
    again = await opened(netra_database, pools, tmp_path)
    verdict = await again.verdict()
    assert (verdict.state, verdict.rows, verdict.last) == ("intact", 1000, 1000)
    assert [row["at_ms"] for row in await again.rows("bob", 1000)] == list(range(499, -1, -1))
    await again.close()


async def test_row_level_security_answers_for_the_owner_and_not_the_query(
    netra_database: NetraDatabase, pools: Pools, tmp_path: Path
) -> None:
    audit = await opened(netra_database, pools, tmp_path)
    audit.record("bob", "revoked", None, {}, 1)
    assert len(await audit.rows("bob", 10)) == 1
    async with pools[1].acquire() as reader:
        assert await reader.fetch("SELECT * FROM audit") == []
        assert await reader.fetch("SELECT * FROM audit_subject") == []
    await audit.close()


async def test_a_fault_that_nobody_foresaw_is_a_trouble_and_ends_no_task(
    netra_database: NetraDatabase, pools: Pools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_audit, "_AGAIN_S", 0.01)
    audit = await opened(netra_database, pools, tmp_path)
    failed = asyncio.Event()

    async def fails(*_: object) -> None:
        failed.set()
        raise KeyError("what a store was made to hold")

    with monkeypatch.context() as patched:
        patched.setattr(postgres_audit, "append", fails)
        audit.record("ada", "refused", None, {}, 1)
        await failed.wait()
        with pytest.raises(KeyError):
            await audit.rows("ada", 10)
        assert "what a store was made to hold" in audit.trouble
    assert audit._writing is not None
    await audit._writing
    assert (audit.trouble, len(await audit.rows("ada", 10))) == ("", 1)
    await audit.close()
