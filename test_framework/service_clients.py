"""Clients of the real services, each with a place of its own that is gone afterwards."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

LOGICAL_DATABASES = 16


@asynccontextmanager
async def own_database(server_url: str) -> AsyncIterator[tuple[Any, str]]:
    """A new, empty database on a PostgreSQL server: an open connection and its URL. Dropped afterwards."""
    import asyncpg

    name = f"netra_{os.getpid()}_{secrets.token_hex(6)}"
    url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
    keeper = await asyncpg.connect(server_url)
    try:
        await keeper.execute(f'CREATE DATABASE "{name}"')
        try:
            connection = await asyncpg.connect(url)
            try:
                yield connection, url
            finally:
                await connection.close()
        finally:
            await keeper.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await keeper.close()


@asynccontextmanager
async def own_redis(server_url: str) -> AsyncIterator[tuple[Any, str]]:
    """An empty logical database of a Redis or Valkey server, by the number of the test worker: a client and its URL.

    It is flushed before and after, so a server that is named by environment must be one for tests.
    """
    from redis.asyncio import Redis

    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    parts = urlsplit(server_url)
    first = int(parts.path.strip("/") or 0)
    number = (first + int(worker)) % LOGICAL_DATABASES
    url = parts._replace(path=f"/{number}").geturl()
    client = Redis.from_url(url, decode_responses=True)
    try:
        await client.flushdb()
        yield client, url
        await client.flushdb()
    finally:
        await client.aclose()
