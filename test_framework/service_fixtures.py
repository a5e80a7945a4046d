"""Fixtures with real services. Registered by the plugin; whatever they need is imported when a test asks for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from .object_bucket import ObjectBucket
    from .service_clients import NetraDatabase, Prepared
    from .services import Service


def _needed(start: Any) -> Service:
    """Start a service; where it is missing on a user's machine, skip and say what to install. In CI that is a failure."""
    from .services import NotInstalled

    try:
        service: Service = start()
    except NotInstalled as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    return service


@pytest.fixture(scope="session")
def postgres_service() -> Iterator[Service]:
    """A real PostgreSQL for this worker."""
    from . import services

    with _needed(services.postgres) as service:
        yield service


@pytest.fixture(scope="session")
def redis_service() -> Iterator[Service]:
    """A real Valkey for this worker."""
    from . import services

    with _needed(services.redis) as service:
        yield service


@pytest.fixture(scope="session")
def object_store_service() -> Iterator[Service]:
    """A real S3-compatible server for this worker."""
    from . import services

    with _needed(services.object_store) as service:
        yield service


@pytest.fixture
def object_bucket(object_store_service: Service, monkeypatch: pytest.MonkeyPatch) -> ObjectBucket:
    """An empty bucket of this test's own; the environment holds what leads to it, as an operator would set it."""
    from .object_bucket import ObjectBucket

    bucket = ObjectBucket.make(object_store_service.url)
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return bucket


@pytest_asyncio.fixture
async def real_services_fixture(postgres_service: Service, redis_service: Service) -> AsyncIterator[dict[str, Any]]:
    """``db``: an asyncpg connection to a database of this test's own; ``redis``: a client whose keys are of this test.

    ``database_url`` and ``redis_url`` lead to the same for a process that the test starts.
    """
    from .service_clients import own_database, own_redis

    async with AsyncExitStack() as stack:
        db, database_url = await stack.enter_async_context(own_database(postgres_service.url))
        redis, redis_url = await stack.enter_async_context(own_redis(redis_service.url))
        yield {"db": db, "redis": redis, "database_url": database_url, "redis_url": redis_url}


@pytest.fixture(scope="session")
def prepared_postgres(postgres_service: Service) -> Iterator[Prepared]:
    """The PostgreSQL of this worker with ``netra migrate`` done."""
    from .service_clients import prepared

    with asyncio.Runner() as runner:
        place = prepared(postgres_service.url)
        yield runner.run(place.__aenter__())
        runner.run(place.__aexit__(None, None, None))


@pytest_asyncio.fixture
async def netra_database(prepared_postgres: Prepared) -> AsyncIterator[NetraDatabase]:
    """A database of this test's own with the schema in it, as an administrator and as a server reach it."""
    from .service_clients import own_netra_database

    async with own_netra_database(prepared_postgres) as database:
        yield database
