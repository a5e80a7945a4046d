"""What every audit trail promises (``ports.Audit``): one suite over all adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.adapters.postgres.audit import PostgresAudit
from netra_backend.app.adapters.postgres.connection import READER, WRITER, open_pool
from netra_backend.app.adapters.sqlite.audit import SqliteAudit
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.limits import USUAL, Limits
from netra_backend.app.ports import Audit
from test_framework.audit_trail import place_in
from test_framework.clock import ManualClock
from test_framework.service_clients import NetraDatabase

Open = Callable[..., AbstractAsyncContextManager[Audit]]


@asynccontextmanager
async def over_sqlite(directory: Path, limits: Limits = USUAL) -> AsyncIterator[Audit]:
    audit = await SqliteAudit.open(directory / "audit.db", place_in(directory), ManualClock(), limits)
    yield audit
    await audit.close()


@asynccontextmanager
async def over_postgres(directory: Path, database: NetraDatabase, limits: Limits = USUAL) -> AsyncIterator[Audit]:
    async with (
        await open_pool(database.url, WRITER, size=2) as writer,
        await open_pool(database.url, READER, size=2) as reader,
    ):
        place, clock = place_in(directory), ManualClock()
        audit = await PostgresAudit.open(database.url, writer, reader, place, clock, limits)
        yield audit
        await audit.close()


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens an audit trail; a second time over what the first one stored."""
    if request.param == "sqlite":
        return partial(over_sqlite, tmp_path)
    return partial(over_postgres, tmp_path, request.getfixturevalue("netra_database"))


@pytest.fixture
async def audit(opened: Open) -> AsyncIterator[Audit]:
    async with opened() as audit:
        yield audit


async def test_a_user_reads_own_rows_newest_first_and_no_others(audit: Audit) -> None:
    audit.record("ada", "refused", "id.format", {"error": "invalid_context", "n": 1}, 10)
    audit.record("bob", "revoked", None, {}, 11)
    audit.record(None, "refused", "auth.signature", {}, 12)
    audit.record("ada", "revoked", None, {"by": "root"}, 13)
    assert await audit.rows("ada", 10) == [
        {"id": 4, "at_ms": 13, "event": "revoked", "point": None, "detail": {"by": "root"}},
        {
            "id": 1,
            "at_ms": 10,
            "event": "refused",
            "point": "id.format",
            "detail": {"error": "invalid_context", "n": 1},
        },
    ]
    assert [row["at_ms"] for row in await audit.rows("ada", 1)] == [13]
    assert await audit.rows("", 10) == []
    assert await audit.rows("' OR 1=1 --", 10) == []


async def test_rows_come_in_pages_without_a_hole(audit: Audit) -> None:
    for number in range(5):
        audit.record("ada", "revoked", None, {}, number)
        audit.record("bob", "revoked", None, {}, number)
    pages, before = [], None
    while rows := await audit.rows("ada", 2, before):
        pages.append([row["at_ms"] for row in rows])
        before = rows[-1]["id"]
    assert pages == [[4, 3], [2, 1], [0]]


async def test_rows_and_those_that_were_dropped_are_counted(opened: Open) -> None:
    async with opened() as audit:
        audit.record("ada", "revoked", None, {}, 1)
        await audit.close()
        audit.record("ada", "revoked", None, {}, 2)
        assert audit.counts() == {"rows": 1, "rows_dropped": 1}


async def test_what_was_recorded_is_there_after_a_restart_in_its_order(opened: Open) -> None:
    async with opened() as first:
        for number in range(2500):
            first.record("ada", "refused", "id.format", {"n": number}, number)
    async with opened() as second:
        assert [row["detail"]["n"] for row in await second.rows("ada", 1000)] == list(range(2499, 1499, -1))


async def test_no_secret_is_kept(audit: Audit) -> None:
    audit.record("ada", "refused", "auth.signature", {"field": "bearer.abcdefghijkl", "x": "sk-abcdefghijklmnop"}, 1)
    (row,) = await audit.rows("ada", 1)
    assert "abcdefghijkl" not in repr(row)


async def test_characters_that_a_store_could_stumble_over_are_kept(audit: Audit) -> None:
    detail: dict[str, Any] = {"nul": "a\x00b", "quote": "'; DROP TABLE audit; --", "far": "\U0001f600 é"}
    audit.record("ada", "refused", None, detail, 1)
    (row,) = await audit.rows("ada", 1)
    assert row["detail"]["quote"] == detail["quote"]
    assert row["detail"]["far"] == detail["far"]


async def test_a_row_that_cannot_be_written_down_costs_no_other(audit: Audit) -> None:
    audit.record("ada", "refused", None, {"n": 1}, 1)
    audit.record("ada", "refused", None, {"broken": "\ud800"}, 2)
    audit.record("ada", "refused", None, {"n": 3}, 3)
    assert {row["at_ms"] for row in await audit.rows("ada", 10)} >= {1, 3}


async def test_a_deleted_user_leaves_rows_that_lead_nowhere_and_no_row_is_changed(audit: Audit) -> None:
    audit.record("user_ada", "refused", "id.format", {"n": 1}, 10)
    audit.record("root", "revoked", None, {"user": "user_ada", "other": "user_adam"}, 11)
    assert [row["detail"]["user"] for row in await audit.rows("root", 10)] == ["user_ada"]
    assert await audit.pseudonymise("user_ada") == 1
    assert await audit.rows("user_ada", 10) == []
    (row,) = await audit.rows("root", 10)
    assert row["detail"]["user"].startswith("subject_")
    assert row["detail"]["other"] == "user_adam"
    assert await audit.pseudonymise("user_ada") == 0
    audit.record("user_ada", "connected", None, {}, 12)
    assert [row["at_ms"] for row in await audit.rows("user_ada", 10)] == [12]


async def test_retention_removes_what_is_older_and_the_chain_goes_on_behind_it(opened: Open) -> None:
    async with opened() as audit:
        for number in range(10):
            audit.record("ada" if number % 2 else None, "refused", None, {}, number)
        assert len(await audit.rows("ada", 100)) == 5
        assert await audit.trim(4) == 4
        assert await audit.trim(4) == 0
        assert [row["at_ms"] for row in await audit.rows("ada", 100)] == [9, 7, 5]
        assert await audit.trim(100) == 6
        audit.record("ada", "refused", None, {}, 101)
        assert [row["id"] for row in await audit.rows("ada", 100)] == [11]
    async with opened() as audit:
        assert [row["id"] for row in await audit.rows("ada", 100)] == [11]
        assert (audit.trouble, audit.broken) == ("", "")


async def test_a_full_queue_is_a_trouble_for_as_long_as_it_is_full(opened: Open) -> None:
    async with opened(Limits(audit_waiting=0)) as audit:
        audit.record("ada", "refused", None, {}, 1)
        assert "too many rows wait" in audit.trouble
        assert audit.counts() == {"rows": 0, "rows_dropped": 1}


async def test_a_closed_trail_takes_nothing_and_says_so(opened: Open) -> None:
    async with opened() as audit:
        await audit.close()
        await audit.close()
        audit.record("ada", "refused", None, {}, 1)
        assert audit.counts()["rows_dropped"] == 1
        with pytest.raises(DependencyUnavailable, match="closed"):
            await audit.rows("ada", 1)
        with pytest.raises(DependencyUnavailable, match="closed"):
            await audit.pseudonymise("ada")
