"""Clients of real services have places of their own, which are gone afterwards."""

from __future__ import annotations

import asyncpg
import pytest
from redis.asyncio import Redis

from test_framework.service_clients import own_database, own_redis
from test_framework.services import Service


async def test_each_database_is_new_and_dropped_afterwards(postgres_service: Service) -> None:
    async with own_database(postgres_service.url) as (one, url), own_database(postgres_service.url) as (two, _):
        await one.execute("CREATE TABLE only_here (x int)")
        assert await two.fetchval("SELECT to_regclass('only_here')") is None
        again = await asyncpg.connect(url)  # what is left open does not keep the database
        assert await again.fetchval("SELECT to_regclass('only_here')") == "only_here"
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)
    again.terminate()


@pytest.mark.parametrize(("worker", "number"), [(None, "0"), ("gw0", "0"), ("gw3", "3"), ("gw17", "1")])
async def test_each_worker_has_a_logical_database_that_is_empty_before_and_after(
    redis_service: Service, monkeypatch: pytest.MonkeyPatch, worker: str | None, number: str
) -> None:
    if worker:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    else:
        monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    async with own_redis(redis_service.url) as (client, url):
        assert url.rpartition("/")[2] == number
        assert await client.dbsize() == 0
        await client.set("key", "value")
        assert await client.get("key") == "value"
    after = Redis.from_url(url)
    assert await after.dbsize() == 0
    await after.aclose()
