"""Secrets in PostgreSQL, of two processes at once; the rest of the port is in the contract suite."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from netra_backend.app.adapters.postgres.secrets import PostgresSecrets
from netra_backend.app.secret_ports import SealedSecret
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


async def test_two_processes_that_set_one_secret_leave_one_and_keep_to_the_bound(netra_database: NetraDatabase) -> None:
    pools = [PostgresConnectionPool(netra_database.url, role, 2) for role in (READER, WRITER, READER, WRITER)]
    one, two = PostgresSecrets(pools[0], pools[1], lambda: 5), PostgresSecrets(pools[2], pools[3], lambda: 5)
    for n in range(10):
        assert await one.put("ada", "k", SealedSecret("id", b"before"), 2)
        stored = await asyncio.gather(
            one.put("ada", "k", SealedSecret("id", b"one%d" % n), 2),
            two.put("ada", "k", SealedSecret("id", b"two%d" % n), 2),
            one.put("ada", f"k{n}", SealedSecret("id", b"x"), 2),
            two.put("ada", f"l{n}", SealedSecret("id", b"x"), 2),
        )
        assert all(stored[:2])
        names = [name for name, _ in await one.names("ada")]
        assert len(names) == 2
        assert "k" in names
        found = await two.find("ada", "k")
        assert found is not None
        assert found.sealed in (b"one%d" % n, b"two%d" % n)
        for name in names:
            await one.remove("ada", name)
    for pool in pools:
        await pool.close()
