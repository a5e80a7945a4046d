"""API keys in PostgreSQL, of two processes at once; the rest of the port is in the contract suite."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.adapters.postgres.api_keys import PostgresApiKeys
from netra_backend.app.adapters.postgres.connection import READER, WRITER
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from netra_backend.app.core.api_keys import ApiKey
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


def key(key_id: str, name: str) -> ApiKey:
    return ApiKey(key_id, "ada", name, b"digest", frozenset({"usage"}), frozenset(), "", 1, 2)


async def test_two_processes_that_make_keys_keep_to_names_and_bound(netra_database: NetraDatabase) -> None:
    pools = [PostgresConnectionPool(netra_database.url, role, 2) for role in (READER, WRITER, READER, WRITER)]
    one, two = PostgresApiKeys(pools[0], pools[1]), PostgresApiKeys(pools[2], pools[3])
    for n in range(10):
        named = await asyncio.gather(one.add(key(f"a{n}", "ci"), 3), two.add(key(f"b{n}", "ci"), 3))
        assert sorted(named) == ["added", "named"]
        filled = await asyncio.gather(
            *(process.add(key(f"{at}-{n}", f"{at}"), 3) for at, process in enumerate((one, two, one, two)))
        )
        assert sorted(filled) == ["added", "added", "full", "full"]
        for each in await two.of("ada"):
            assert await one.find(each.key_id) == each
            assert await one.remove("ada", each.key_id)
    for pool in pools:
        await pool.close()
