"""A process's lease in a real PostgreSQL: by the database's clock, renewed, lapsed and given up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace

import asyncpg
import pytest

from netra_backend.app.adapters.postgres import lease
from netra_backend.app.adapters.postgres.connection import WRITER
from netra_backend.app.adapters.postgres.lease import FREEZE_S, LEASE_MS, PostgresLease
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from netra_backend.app.core.errors import DependencyUnavailable
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


class Leased:
    """One process with its lease, and how often it lapsed."""

    def __init__(self, url: str) -> None:
        self.lines = PostgresConnectionPool(url, WRITER, 1)
        self.lapses = 0
        self.fault: Exception | None = None
        self.renewals: list[bool] = []
        self.lease = PostgresLease(self.lines, "prc_one", self.lapsed)
        self.lease.on_renewal = self.renewed

    async def renewed(self, has_lapsed: bool) -> None:
        self.renewals.append(has_lapsed)

    async def lapsed(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.lapses += 1


@pytest.fixture
async def leased(netra_database: NetraDatabase) -> AsyncIterator[Leased]:
    leased = Leased(netra_database.url)
    await leased.lease.take()
    yield leased
    await leased.lease.give_up()
    await leased.lines.close()


async def left_ms(admin: asyncpg.Connection, process_id: str = "prc_one") -> int | None:
    found: int | None = await admin.fetchval("SELECT lease - now_ms() FROM process WHERE process_id = $1", process_id)
    return found


async def test_a_lease_runs_by_the_databases_clock_and_is_renewed_for_its_whole_length(
    leased: Leased, admin: asyncpg.Connection
) -> None:
    await admin.execute("UPDATE process SET lease = now_ms() + 5000")
    await leased.lease.renew()
    left = await left_ms(admin)
    assert left is not None
    assert 5000 < left <= LEASE_MS
    assert leased.lapses == 0


@pytest.mark.parametrize("lost", ["UPDATE process SET lease = 0", "DELETE FROM process"])
async def test_a_lease_that_had_run_out_is_taken_again_and_told(
    leased: Leased, admin: asyncpg.Connection, lost: str
) -> None:
    await admin.execute(lost)
    await leased.lease.renew()
    assert leased.lapses == 1
    assert (await left_ms(admin) or 0) > 0
    await leased.lease.renew()
    assert leased.lapses == 1
    assert leased.renewals == [True, False]


async def test_a_renewal_that_took_so_long_that_the_process_may_have_stood_still_tells_of_nothing(
    leased: Leased, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = iter((0.0, FREEZE_S, 0.0, FREEZE_S - 1))
    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: next(now_s)))
    await leased.lease.renew()
    assert leased.renewals == []
    await leased.lease.renew()
    assert leased.renewals == [False]


async def test_what_is_to_be_done_after_a_lapse_is_done_at_a_later_renewal_where_the_database_was_lost_again(
    leased: Leased, admin: asyncpg.Connection
) -> None:
    await admin.execute("UPDATE process SET lease = 0")
    leased.fault = DependencyUnavailable("The database does not answer.")
    with pytest.raises(DependencyUnavailable):
        await leased.lease.renew()
    leased.fault = None
    await leased.lease.renew()
    assert leased.lapses == 1
    assert leased.renewals == [True]
    await leased.lease.renew()
    assert leased.lapses == 1


async def test_processes_that_are_long_gone_are_forgotten_and_others_are_not(
    leased: Leased, admin: asyncpg.Connection
) -> None:
    await admin.execute(
        "INSERT INTO process (process_id, lease) VALUES ('prc_old', now_ms() - 700000), ('prc_late', now_ms() - 1000)"
    )
    await leased.lease.renew()
    assert await left_ms(admin, "prc_old") is None
    assert await left_ms(admin, "prc_late") is not None


async def test_a_lease_that_is_given_up_is_gone(leased: Leased, admin: asyncpg.Connection) -> None:
    await leased.lease.give_up()
    assert await left_ms(admin) is None
