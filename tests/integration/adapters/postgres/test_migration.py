"""``netra migrate`` on a real PostgreSQL: what it makes, what it leaves, and that it is whole or nothing."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from netra_backend.app.adapters.migrations import history
from netra_backend.app.adapters.postgres import migration
from netra_backend.app.adapters.postgres.gate import require_postgres
from netra_backend.app.adapters.postgres.migration import Login, login_of, migrate_postgres, scram_verifier
from netra_backend.app.core.errors import ConfigurationError, DependencyUnavailable
from test_framework.service_clients import NetraDatabase, own_database
from test_framework.services import DATABASE_VARIABLE, Service, own_postgres, postgres

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
async def empty(postgres_service: Service) -> AsyncIterator[str]:
    async with own_database(postgres_service.url) as (_, url):
        yield url


def with_login(url: str, login: Login) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{login.name}:{login.password}@{parts.netloc.rpartition('@')[2]}").geturl()


async def forget(url: str, login: Login) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f'DROP ROLE IF EXISTS "{login.name}"')
    await connection.close()


async def schemas(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT nspname FROM pg_namespace WHERE nspname = 'netra'")
        return [row["nspname"] for row in rows]
    finally:
        await connection.close()


async def test_an_administrator_who_is_no_superuser_makes_everything_that_a_server_needs(
    own_server: Service, told: list[str]
) -> None:
    async with own_database(own_server.url) as (keeper, url):
        admin, login = Login("some admin", secrets.token_hex(8)), Login("Some Server", secrets.token_hex(8))
        await keeper.execute(f"CREATE ROLE \"some admin\" LOGIN CREATEROLE PASSWORD '{admin.password}'")
        await keeper.execute(f'GRANT CREATE ON DATABASE "{urlsplit(url).path[1:]}" TO "some admin"')
        admin_url = with_login(url, Login("some%20admin", admin.password))
        await migrate_postgres(admin_url, told.append, login=login)
        assert told == [
            "created the role netra_owner",
            "created the role netra_writer",
            "created the role netra_reader",
            "created the schema netra",
            "created the role Some Server, which servers log in as",
            "allowed Some Server to become netra_writer",
            "allowed Some Server to become netra_reader",
            *(f"migrated the schema to version {version}" for version in history.VERSIONS),
        ]
        await require_postgres(with_login(url, Login("Some%20Server", login.password)))
        told.clear()
        await migrate_postgres(admin_url, told.append, login=login)
        assert told == []


@pytest.mark.parametrize("roles_are_new", [True, False])
async def test_whom_a_provider_makes_a_member_of_new_roles_is_named_as_an_administrator_and_nobody_else(
    told: list[str], monkeypatch: pytest.MonkeyPatch, roles_are_new: bool
) -> None:
    with own_postgres() as server:
        await _migrated_by_a_providers_customer(server.url, told, monkeypatch, roles_are_new=roles_are_new)


async def _migrated_by_a_providers_customer(
    server_url: str, told: list[str], monkeypatch: pytest.MonkeyPatch, *, roles_are_new: bool
) -> None:
    async with own_database(server_url) as (keeper, url):
        await keeper.execute("CREATE ROLE dba LOGIN CREATEROLE PASSWORD 'secret-word'; CREATE ROLE provider CREATEROLE")
        await keeper.execute(f'GRANT CREATE ON DATABASE "{urlsplit(url).path[1:]}" TO dba')
        dba, login = with_login(url, Login("dba", "secret-word")), Login("server", "secret-word")
        make_role = migration._make_role

        async def as_a_provider(connection: AsyncConnection, role: str, report: Any) -> bool:
            made = await make_role(connection, role, report)
            await connection.exec_driver_sql(f"GRANT {role} TO provider")
            return made and roles_are_new

        monkeypatch.setattr(migration, "_make_role", as_a_provider)
        await migrate_postgres(dba, told.append, login=login)
        named = await keeper.fetch("SELECT kind, name FROM netra.allowed ORDER BY kind, name")
        providers = [("administrator", "provider")] if roles_are_new else []
        assert [tuple(row) for row in named] == [("administrator", "dba"), *providers, ("login", "server")]
        if roles_are_new:
            await require_postgres(with_login(url, login))
        else:
            with pytest.raises(ConfigurationError, match=r"provider can become .*'administrator', 'provider'"):
                await require_postgres(with_login(url, login))


async def test_a_database_that_is_up_to_date_is_left_as_it_is(netra_database: NetraDatabase, told: list[str]) -> None:
    await migrate_postgres(netra_database.admin_url, told.append, login=login_of(netra_database.url))
    assert told == []
    await require_postgres(netra_database.url)


async def test_two_at_once_do_it_once(empty: str, told: list[str]) -> None:
    await asyncio.gather(*(migrate_postgres(empty, told.append) for _ in range(2)))
    assert [told.count(f"migrated the schema to version {each}") for each in history.VERSIONS] == [1] * len(
        history.VERSIONS
    )


async def test_databases_of_one_server_can_be_migrated_at_once_though_roles_are_the_whole_servers(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    with postgres() as server:
        async with own_database(server.url) as (_, one), own_database(server.url) as (_, other):
            await asyncio.gather(*(migrate_postgres(url, told.append) for url in (one, other)))
    assert sorted(told) == sorted(
        ["created the role netra_owner", "created the role netra_writer", "created the role netra_reader"]
        + 2 * ["created the schema netra", *(f"migrated the schema to version {each}" for each in history.VERSIONS)]
    )


async def test_what_fails_in_the_middle_leaves_nothing_behind(
    empty: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = history.statements
    monkeypatch.setattr(history, "statements", lambda *of: [*good(*of), "SELECT 1/0;"])
    with pytest.raises(DependencyUnavailable, match="division by zero") as caught:
        await migrate_postgres(empty, told.append)
    assert caught.value.hint.startswith("Nothing was changed.")
    assert await schemas(empty) == []


async def test_a_login_that_may_not_make_roles_is_refused_in_the_databases_words(
    netra_database: NetraDatabase, empty: str, told: list[str]
) -> None:
    server = login_of(netra_database.url)
    assert server is not None
    url = with_login(empty, server)
    with pytest.raises(DependencyUnavailable, match="permission denied") as caught:
        await migrate_postgres(url, told.append)
    assert str(server.password) not in f"{caught.value} {caught.value.hint}"
    assert await schemas(empty) == []


async def test_a_database_of_a_later_version_is_left_alone(netra_database: NetraDatabase, told: list[str]) -> None:
    connection = await asyncpg.connect(netra_database.admin_url)
    await connection.execute("UPDATE netra.alembic_version SET version_num = '9999'")
    await connection.close()
    with pytest.raises(DependencyUnavailable, match="a schema version that this program does not know") as caught:
        await migrate_postgres(netra_database.admin_url, told.append)
    assert "from a later one" in caught.value.hint
    assert told == []


async def test_a_login_without_a_password_has_to_be_there(empty: str, told: list[str]) -> None:
    with pytest.raises(DependencyUnavailable, match='role "nobody_yet" does not exist'):
        await migrate_postgres(empty, told.append, login=Login("nobody_yet"))
    assert await schemas(empty) == []


async def test_the_password_of_a_login_is_sent_to_no_log(empty: str) -> None:
    login = Login(f"netra_{secrets.token_hex(4)}", "of-nobody's-business é")
    sent: list[str] = []
    original = AsyncConnection.exec_driver_sql

    async def note(self: AsyncConnection, statement: str, *more: Any) -> Any:
        sent.append(statement)
        return await original(self, statement, *more)

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(AsyncConnection, "exec_driver_sql", note)
            await migrate_postgres(empty, lambda _: None, login=login)
        assert any("SCRAM-SHA-256$4096:" in statement for statement in sent)
        assert not any(str(login.password) in statement for statement in sent)
        parts = urlsplit(empty)
        connection = await asyncpg.connect(
            host=parts.hostname, port=parts.port, database=parts.path[1:], user=login.name, password=login.password
        )
        assert await connection.fetchval("SELECT session_user") == login.name
        await connection.close()
    finally:
        await forget(empty, login)


@pytest.mark.parametrize("url", ["nonsense", "postgresql://a:secret-word@db:port/x"])
async def test_what_is_no_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(DependencyUnavailable, match="cannot be read") as caught:
        await migrate_postgres(url, lambda _: None)
    assert url not in str(caught.value)


async def test_a_server_that_is_not_there_is_told_as_such() -> None:
    with pytest.raises(DependencyUnavailable, match="PostgreSQL rejected the migration") as caught:
        await migrate_postgres("postgresql://a:secret-word@127.0.0.1:1/x", lambda _: None)
    assert "secret-word" not in str(caught.value)


def test_the_login_is_read_from_the_servers_address() -> None:
    assert login_of("postgresql://some%20one:p%40ss@db/netra") == Login("some one", "p@ss")
    assert login_of("postgres://someone@db/netra") == Login("someone")
    assert login_of("postgresql:///netra") is None
    with pytest.raises(DependencyUnavailable, match="cannot be read"):
        login_of("nonsense")


def test_a_verifier_is_that_of_its_salt_and_password_alone() -> None:
    salt = bytes(range(16))
    verifier = scram_verifier("pencil", salt)
    assert verifier.startswith("SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$")
    assert verifier == scram_verifier("pencil", salt) != scram_verifier("pencils", salt)
    assert scram_verifier("pencil", salt[::-1]) != verifier


def test_alembic_finds_its_versions_beside_the_adapter() -> None:
    assert Path(history.__file__).with_name("env.py").is_file()
