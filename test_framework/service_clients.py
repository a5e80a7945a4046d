"""Clients of the real services, each with a place of its own that is gone afterwards."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import asyncpg

    from netra_backend.app.adapters.postgres.connection import Role

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


@dataclass(frozen=True, slots=True)
class NetraDatabase:
    """One database with the schema in it: ``url`` is what a server is given, ``admin_url`` a superuser's."""

    url: str
    admin_url: str

    async def as_admin(self, statement: str) -> None:
        """Run a statement that no server may: to break something, or to look behind row-level security."""
        import asyncpg

        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A PostgreSQL server on which ``netra migrate`` has run once: ``template`` is a database to copy, and ``login`` with
    ``password`` the role that servers log in as."""

    server_url: str
    template: str
    login: str
    password: str

    def admin_url(self, database: str) -> str:
        """Where an administrator finds this database."""
        return urlsplit(self.server_url)._replace(path=f"/{database}").geturl()

    def login_url(self, database: str) -> str:
        """What a server of ours is given as ``NETRA_DATABASE_URL``."""
        parts = urlsplit(self.server_url)
        place = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{self.login}:{self.password}@{place}", path=f"/{database}").geturl()


@asynccontextmanager
async def prepared(server_url: str) -> AsyncIterator[Prepared]:
    """Migrate a template database and make a role to log in as; both are gone afterwards. The roles of the schema, which
    are the whole server's, stay."""
    import asyncpg

    from netra_backend.app.adapters.postgres.migration import Login, migrate_postgres

    mark = f"netra_{os.getpid()}_{secrets.token_hex(6)}"
    place = Prepared(server_url, f"{mark}_template", f"{mark}_server", secrets.token_hex(16))
    keeper = await asyncpg.connect(server_url)
    try:
        await keeper.execute(f'CREATE DATABASE "{place.template}"')
        login = Login(place.login, place.password)
        await migrate_postgres(place.admin_url(place.template), lambda _: None, login=login)
        yield place
    finally:
        await keeper.execute(f'DROP DATABASE IF EXISTS "{place.template}" WITH (FORCE)')
        await keeper.execute(f'DROP ROLE IF EXISTS "{place.login}"')
        await keeper.close()


@asynccontextmanager
async def own_netra_database(place: Prepared) -> AsyncIterator[NetraDatabase]:
    """A new database with the whole schema. Dropped afterwards."""
    import asyncpg

    name = f"netra_{os.getpid()}_{secrets.token_hex(6)}"
    keeper = await asyncpg.connect(place.server_url)
    try:
        await keeper.execute(f'CREATE DATABASE "{name}" TEMPLATE "{place.template}"')
        # Logins of other databases of the same server have no business here.
        await keeper.execute(f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC')
        await keeper.execute(f'GRANT CONNECT ON DATABASE "{name}" TO "{place.login}"')
        try:
            yield NetraDatabase(place.login_url(name), place.admin_url(name))
        finally:
            await keeper.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await keeper.close()


@asynccontextmanager
async def as_role(database: NetraDatabase, role: Role | None) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the server's login that has become this role."""
    from netra_backend.app.adapters.postgres.connection import connect

    connection = await connect(database.url, role)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def in_the_name_of(database: NetraDatabase, role: Role, owner: str = "") -> AsyncIterator[asyncpg.Connection]:
    """A transaction of this role in the name of the owner."""
    from netra_backend.app.adapters.postgres.connection import name_owner

    async with as_role(database, role) as connection, connection.transaction():
        await name_owner(connection, owner)
        yield connection


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
