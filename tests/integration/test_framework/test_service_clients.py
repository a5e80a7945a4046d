"""Clients of real services have places of their own, which are gone afterwards."""

from __future__ import annotations

import asyncpg
import pytest
from redis.asyncio import Redis

from test_framework.service_clients import Prepared, own_database, own_netra_database, own_redis, prepared
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


async def test_databases_with_the_schema_are_copies_that_know_nothing_of_each_other(
    prepared_postgres: Prepared,
) -> None:
    async with own_netra_database(prepared_postgres) as one, own_netra_database(prepared_postgres) as two:
        first, second = await asyncpg.connect(one.admin_url), await asyncpg.connect(two.admin_url)
        await first.execute("INSERT INTO netra.revocation VALUES ('ada', 1)")
        assert await second.fetchval("SELECT count(*) FROM netra.revocation") == 0
        await first.close()
        await second.close()
        server = await asyncpg.connect(one.url)
        assert await server.fetchval("SELECT session_user") == prepared_postgres.login
        await server.close()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(one.url)


async def test_what_was_prepared_is_gone_afterwards(postgres_service: Service) -> None:
    async with prepared(postgres_service.url) as place:
        pass
    keeper = await asyncpg.connect(postgres_service.url)
    assert await keeper.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", place.template) is None
    assert await keeper.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", place.login) is None
    await keeper.close()


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
