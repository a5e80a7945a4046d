"""What reaches the rows of a database from outside of the schema is refused, and the SQL of the refusal ends it."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.gate import check_reach, require_postgres
from netra_backend.app.core.errors import ConfigurationError
from test_framework import services
from test_framework.service_clients import NetraDatabase, own_netra_database, prepared

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

OTHER = "CREATE ROLE other; GRANT CONNECT ON DATABASE {database} TO other; "
STRAY = "CREATE ROLE stray LOGIN; GRANT CONNECT ON DATABASE {database} TO stray; "
PLANTED = {
    # roles
    STRAY + "GRANT netra_reader TO stray": "stray can become netra_reader",
    STRAY + "GRANT netra_owner TO stray WITH INHERIT FALSE": "stray can become netra_owner",
    STRAY + "GRANT netra_writer TO stray WITH ADMIN OPTION, SET FALSE, INHERIT FALSE": "stray can become",
    STRAY + "GRANT {login} TO stray": "stray can become {login}",
    STRAY + "CREATE ROLE between; GRANT netra_reader TO between; GRANT between TO stray": "stray can become",
    STRAY + "ALTER ROLE stray BYPASSRLS; GRANT pg_read_all_data TO stray": "stray has BYPASSRLS and may read",
    "CREATE ROLE by BYPASSRLS; GRANT pg_read_all_data TO by; REVOKE CONNECT ON DATABASE {database} FROM PUBLIC;"
    " GRANT CONNECT ON DATABASE {database} TO {login};" + STRAY + "GRANT by TO stray": "by has BYPASSRLS and may read",
    STRAY + "CREATE ROLE root SUPERUSER; GRANT root TO stray": "stray can become root, a superuser",
    STRAY + "CREATE ROLE root SUPERUSER; CREATE ROLE amid; GRANT root TO amid; GRANT amid TO stray": (
        "amid can become root, a superuser"
    ),
    # what is past the database
    **{
        STRAY + f"GRANT pg_{name} TO stray": f"stray may {does}"
        for name, does in (
            ("read_server_files", "read the files of the database server"),
            ("write_server_files", "write the files of the database server"),
            ("execute_server_program", "run programs on the database server"),
            ("read_all_data", "read statistics"),
            ("write_all_data", "write what no policy binds"),
        )
    },
    "CREATE ROLE elsewhere LOGIN; CREATE ROLE amid; GRANT pg_read_server_files TO amid; GRANT amid TO elsewhere": (
        "amid may read the files of the database server"
    ),
    STRAY + "GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO stray": "stray has EXECUTE on function pg_read_binary_file",
    STRAY + "CREATE ROLE amid; GRANT amid TO stray; GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO amid": (
        "amid has EXECUTE on function pg_ls_dir"
    ),
    STRAY + "GRANT ALTER SYSTEM ON PARAMETER archive_command TO stray": "stray may set archive_command",
    "CREATE ROLE elsewhere LOGIN; GRANT SET ON PARAMETER session_preload_libraries TO elsewhere": "elsewhere may set session_pr",
    STRAY + "CREATE ROLE mid; GRANT pg_read_server_files TO mid; CREATE FUNCTION public.rf(text) RETURNS bytea LANGUAGE sql"
    " SECURITY DEFINER AS 'SELECT pg_read_binary_file($1)'; ALTER FUNCTION public.rf(text) OWNER TO mid": "which runs as mid",
    STRAY + "CREATE ROLE mid; GRANT SELECT ON pg_statistic TO mid; CREATE VIEW public.v AS SELECT stavalues1::text"
    " FROM pg_statistic; ALTER VIEW public.v OWNER TO mid; GRANT SELECT ON public.v TO stray": "mid has SELECT on table",
    STRAY + "CREATE VIEW public.v AS SELECT stavalues1::text FROM pg_statistic; GRANT SELECT ON public.v TO stray": (
        "stray may use public.v, which shows pg_statistic by the rights of"
    ),
    "CREATE VIEW public.v AS SELECT (SELECT max(stavalues1::text) FROM pg_statistic) AS most; GRANT SELECT (most) ON public.v"
    " TO PUBLIC": "may use public.v, which shows pg_statistic by the rights of",
    STRAY + "CREATE MATERIALIZED VIEW public.v AS SELECT chunk_data FROM pg_toast.pg_toast_2619; GRANT SELECT ON public.v"
    " TO stray": "Run: DROP MATERIALIZED VIEW public.v",
    STRAY + "CREATE VIEW public.one AS SELECT rolpassword FROM pg_authid; CREATE VIEW public.two AS TABLE public.one;"
    " GRANT SELECT ON public.two TO stray": "stray may use public.two, which shows pg_authid by the rights of",
    STRAY + "CREATE ROLE mid; CREATE VIEW public.v AS SELECT stavalues1::text"
    " FROM pg_statistic; GRANT SELECT ON public.v TO mid; CREATE FUNCTION public.f() RETURNS SETOF text LANGUAGE sql SECURITY"
    " DEFINER AS 'TABLE public.v'; ALTER FUNCTION public.f() OWNER TO mid": "mid may use public.v, which shows",
    STRAY + "CREATE TABLE public.other (c text); GRANT INSERT ON public.other TO stray; CREATE RULE also AS ON INSERT TO"
    " public.other DO INSTEAD SELECT stavalues1 FROM pg_statistic": "Run: DROP RULE also ON public.other",
    STRAY + "CREATE EXTENSION pg_walinspect; GRANT EXECUTE ON FUNCTION pg_get_wal_record_info(pg_lsn) TO stray": (
        "stray has EXECUTE on function pg_get_wal_record_info"
    ),
    "CREATE FUNCTION peek(text) RETURNS boolean LANGUAGE plpgsql LEAKPROOF COST 0.0001 AS"
    " $$BEGIN RAISE NOTICE '%', $1; RETURN true; END$$": "peek(text) is LEAKPROOF",
    "UPDATE pg_language SET lanpltrusted = true WHERE lanname = 'internal'": "The language internal is trusted",
    STRAY + "GRANT SELECT ON pg_catalog.pg_statistic TO stray": "netra.allowed VALUES ('administrator', 'stray')",
    STRAY + "GRANT SELECT (stavalues1) ON pg_catalog.pg_statistic TO stray": "stray has SELECT on column stavalues1",
    # what is taken for another
    "CREATE FUNCTION pg_catalog.asked_owner() RETURNS text LANGUAGE sql AS $$SELECT 'bob'$$": (
        "function asked_owner() lies in pg_catalog"
    ),
    "CREATE FUNCTION pg_catalog.owner_of(text) RETURNS text LANGUAGE sql AS $$SELECT 'bob'$$; REVOKE EXECUTE ON FUNCTION"
    " pg_catalog.owner_of(text) FROM PUBLIC": "Run: DROP FUNCTION pg_catalog.owner_of(",
    "CREATE FUNCTION public.same(text, date) RETURNS bool LANGUAGE sql AS 'SELECT true'; CREATE OPERATOR pg_catalog.="
    " (FUNCTION = public.same, LEFTARG = text, RIGHTARG = date)": "lies in pg_catalog",
    # what others may call or use
    STRAY + "CREATE FUNCTION public.read() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT owner FROM netra.log';"
    " REVOKE EXECUTE ON FUNCTION public.read() FROM PUBLIC; GRANT EXECUTE ON FUNCTION public.read() TO stray": (
        "stray may call public.read(), which runs as"
    ),
    **{
        STRAY + "CREATE ROLE mid; " + grant + "; CREATE FUNCTION public.f() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS"
        " 'SELECT 1'; ALTER FUNCTION public.f() OWNER TO mid": f"mid has {told}"
        for grant, told in (
            ("GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO mid", "EXECUTE on function pg_read_binary_file"),
            ("GRANT SELECT ON pg_statistic TO mid", "SELECT on table pg_statistic"),
        )
    },
    STRAY + "CREATE ROLE mid; CREATE FUNCTION public.su() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT owner FROM"
    " netra.thread'; REVOKE EXECUTE ON FUNCTION public.su() FROM PUBLIC; GRANT EXECUTE ON FUNCTION public.su() TO mid; CREATE"
    " FUNCTION public.one() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM public.su()'; ALTER FUNCTION"
    " public.one() OWNER TO mid": "mid may call public.su(), which runs as",
    **{
        STRAY + f"CREATE FOREIGN DATA WRAPPER w; CREATE SERVER ours FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR {user} SERVER"
        " ours; GRANT USAGE ON FOREIGN SERVER ours TO stray": "stray may use the server ours"
        for user in ("stray", "PUBLIC")
    },
    STRAY + "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER ours FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE public.far (c text)"
    " SERVER ours; GRANT SELECT ON public.far TO stray": "stray may use the foreign table public.far",
    # what runs or leads elsewhere by other rights
    **{
        f"CREATE FUNCTION {name}.read() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT owner FROM netra.log'"
        + more: f"may call {shown}read(), which runs as"
        for name, shown, more in (
            ("pg_catalog", "", ""),
            ("information_schema", "information_schema.", ""),
            ("public", "public.", "; ALTER EXTENSION plpgsql ADD FUNCTION public.read()"),
        )
    },
    "CREATE ROLE dba; GRANT netra_writer TO dba; INSERT INTO netra.allowed VALUES ('administrator', 'dba');"
    " CREATE FUNCTION public.read() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT owner FROM netra.thread';"
    " ALTER FUNCTION public.read() OWNER TO dba": "may call public.read(), which runs as dba",
    "ALTER FUNCTION pg_catalog.query_to_xml(text, boolean, boolean, text) SECURITY DEFINER": (
        "Run: ALTER FUNCTION query_to_xml(text,boolean,boolean,text) SECURITY INVOKER"
    ),
    "CREATE TABLE public.hole (t text); GRANT INSERT (t) ON public.hole TO PUBLIC; CREATE FUNCTION public.fill() RETURNS trigger"
    " LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN new; END'; REVOKE EXECUTE ON FUNCTION public.fill() FROM PUBLIC;"
    " CREATE TRIGGER f BEFORE INSERT ON public.hole FOR EACH ROW EXECUTE FUNCTION public.fill()": (
        "netra_reader may write to public.hole, whose trigger f runs as"
    ),
    "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER ours FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE public.far (c text)"
    " SERVER ours; GRANT SELECT ON public.far TO PUBLIC": "netra_reader may use the foreign table public.far",
    "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER ours FOREIGN DATA WRAPPER w; GRANT USAGE ON FOREIGN SERVER ours TO PUBLIC": (
        "netra_reader may use the server ours"
    ),
    # objects elsewhere
    "CREATE VIEW public.all_events AS SELECT * FROM netra.log": "all_events",
    "CREATE SCHEMA s; CREATE MATERIALIZED VIEW s.kept AS SELECT owner FROM netra.thread": "DROP MATERIALIZED VIEW s.kept",
    "CREATE VIEW public.one AS SELECT * FROM netra.log; CREATE VIEW public.two AS SELECT * FROM public.one": (
        "DROP VIEW public.two"
    ),
    "CREATE FUNCTION public.read() RETURNS SETOF netra.log LANGUAGE sql BEGIN ATOMIC SELECT * FROM netra.log; END": "read()",
    "CREATE FUNCTION public.read() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT owner FROM netra.log'": (
        "may call public.read(), which runs as"
    ),
    "CREATE TABLE public.copied (r text REFERENCES netra.run (run_id))": "DROP CONSTRAINT copied_r_fkey",
    "CREATE TABLE public.watched (r text); CREATE TRIGGER t AFTER INSERT ON public.watched EXECUTE FUNCTION netra.keep_owner()": (
        "DROP TRIGGER t ON public.watched"
    ),
    "CREATE STATISTICS public.seen ON owner, agent FROM netra.run": "DROP STATISTICS public.seen",
    "CREATE TYPE public.pair AS (one netra.run)": "DROP TYPE public.pair",
    "CREATE OPERATOR public.=== (FUNCTION = netra.owner_of, RIGHTARG = text)": "DROP OPERATOR public.===",
    "CREATE TABLE public.other (c text); CREATE RULE also AS ON INSERT TO public.other DO ALSO SELECT * FROM netra.log": (
        "DROP RULE also ON public.other"
    ),
    # what our roles own or were granted elsewhere
    "CREATE TABLE public.theirs (); GRANT SELECT ON public.theirs TO netra_writer": "netra_writer has rights on table",
    "CREATE TABLE public.theirs (c text); GRANT SELECT (c) ON public.theirs TO {login}": "{login} has rights on column",
    "CREATE TABLE public.theirs (); ALTER TABLE public.theirs OWNER TO netra_owner": "netra_owner owns table",
    "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER elsewhere FOREIGN DATA WRAPPER w;"
    " GRANT USAGE ON FOREIGN SERVER elsewhere TO {login}": (
        "has rights on server elsewhere"
    ),
    # what they may do
    "GRANT CREATE ON DATABASE {database} TO netra_writer": "netra_writer may create in the database",
    "GRANT CREATE ON DATABASE {database} TO PUBLIC": "may create in the database",
    "GRANT CREATE ON SCHEMA public TO PUBLIC": "netra_reader may create in the schema public",
    "GRANT CREATE ON SCHEMA public TO {login}": "{login} may create in the schema public",
    "GRANT SET ON PARAMETER session_replication_role TO netra_writer": "the setting session_replication_role",
    "GRANT SET ON PARAMETER session_replication_role TO {login}": "the setting session_replication_role",
    "GRANT SET ON PARAMETER session_replication_role TO PUBLIC": "PUBLIC may set session_replication_role",
    # what PostgreSQL keeps for administrators
    "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO netra_writer": "netra_writer has EXECUTE on function pg_read_file(text)",
    "GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO {login}": "EXECUTE on function pg_read_binary_file(text)",
    "GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO PUBLIC": "PUBLIC has EXECUTE on function pg_ls_dir(text)",
    "GRANT EXECUTE ON FUNCTION lo_import(text) TO netra_reader": "EXECUTE on function lo_import(text)",
    "GRANT SELECT ON pg_statistic TO netra_writer": "SELECT on table pg_statistic",
    "GRANT SELECT (stavalues1) ON pg_statistic TO PUBLIC": "PUBLIC has SELECT on column stavalues1",
    # settings
    **{
        f"ALTER ROLE {{login}} SET {name} = {value}": f"{name} is set for ROLE {{login}}"
        for name, value in (
            ("search_path", "public"),
            ("row_security", "off"),
            ("session_replication_role", "replica"),
            ("default_transaction_isolation", "'read uncommitted'"),
            ("synchronous_commit", "off"),
            ("role", "netra_reader"),
            ("netra.owner", "'ada'"),
        )
    },
    "ALTER ROLE netra_writer SET search_path = public": "search_path is set for ROLE netra_writer",
    "ALTER DATABASE {database} SET netra.audit_cut = '*'": "netra.audit_cut is set for DATABASE",
    "ALTER ROLE {login} IN DATABASE {database} SET synchronous_commit = off": (
        "synchronous_commit is set for ROLE {login} IN DATABASE"
    ),
    "ALTER ROLE ALL SET netra.owner = 'ada'": "netra.owner is set for ROLE ALL",
    # streams
    "CREATE PUBLICATION changes FOR TABLE netra.log": "The publication changes takes part",
    "CREATE PUBLICATION changes FOR TABLES IN SCHEMA netra": "The publication changes takes part",
    "CREATE PUBLICATION changes FOR ALL TABLES": "The publication changes takes part",
    "CREATE FUNCTION public.seen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
    " CREATE EVENT TRIGGER seen ON ddl_command_end EXECUTE FUNCTION public.seen()": "The event trigger seen takes part",
}  # fmt: skip
NORMAL = [
    OTHER + "ALTER ROLE other SUPERUSER; GRANT netra_owner TO other",
    OTHER + "ALTER ROLE other LOGIN BYPASSRLS REPLICATION",
    OTHER + "GRANT pg_read_all_data, pg_read_server_files TO other",  # nobody becomes it
    OTHER + "GRANT SELECT ON pg_catalog.pg_statistic TO other",
    "CREATE ROLE elsewhere LOGIN; GRANT SELECT ON pg_catalog.pg_statistic TO elsewhere",  # it cannot connect
    "CREATE ROLE dba LOGIN; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO dba;"
    " INSERT INTO netra.allowed VALUES ('administrator', 'dba')",
    "CREATE ROLE elsewhere LOGIN; GRANT pg_read_all_data TO elsewhere",  # it cannot connect
    "CREATE ROLE dba LOGIN; GRANT pg_execute_server_program TO dba; INSERT INTO netra.allowed VALUES ('administrator', 'dba')",
    OTHER + "ALTER ROLE other LOGIN; GRANT netra_writer, netra_reader TO other WITH INHERIT FALSE;"
    " INSERT INTO netra.allowed VALUES ('login', 'other')",
    "CREATE ROLE dba CREATEROLE; CREATE ROLE person LOGIN; GRANT CONNECT ON DATABASE {database} TO dba, person;"
    " GRANT netra_owner, netra_writer TO dba WITH ADMIN OPTION;"
    " GRANT dba TO person; INSERT INTO netra.allowed VALUES ('administrator', 'dba')",
    "CREATE ROLE elsewhere LOGIN; GRANT netra_writer, netra_reader TO elsewhere WITH INHERIT FALSE",  # it cannot connect
    "CREATE TABLE public.theirs (); GRANT SELECT ON public.theirs TO PUBLIC",
    "CREATE INDEX theirs ON netra.run (agent)",
    "CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA public",
    "ALTER ROLE {login} SET statement_timeout = '1min'; ALTER ROLE {login} SET log_statement = 'ddl';"
    " ALTER DATABASE {database} SET work_mem = '8MB'; ALTER ROLE {login} SET app.name = 'x'",
    "ALTER DATABASE {database} SET default_transaction_read_only = on",
    "CREATE PUBLICATION changes FOR ALL TABLES; INSERT INTO netra.allowed VALUES ('publication', 'changes')",
    "CREATE TABLE public.theirs (); CREATE PUBLICATION changes FOR TABLE public.theirs",
    STRAY + "CREATE VIEW public.v AS SELECT stavalues1::text FROM pg_statistic",
    STRAY + "CREATE VIEW public.v WITH (security_invoker) AS SELECT stavalues1::text FROM pg_statistic;"
    " GRANT SELECT ON public.v TO stray",
    STRAY + "CREATE VIEW public.v AS SELECT most_common_vals::text FROM pg_stats;"  # it asks who reads it
    " GRANT SELECT ON public.v TO stray",
    "CREATE ROLE elsewhere LOGIN; CREATE VIEW public.v AS SELECT stavalues1::text FROM pg_statistic;"
    " GRANT SELECT ON public.v TO elsewhere",
    "CREATE ROLE dba LOGIN; CREATE VIEW public.v AS SELECT stavalues1::text FROM pg_statistic; GRANT SELECT ON public.v TO dba;"
    " INSERT INTO netra.allowed VALUES ('administrator', 'dba')",
    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {login}",
    "GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO pg_monitor",
    "CREATE FUNCTION public.known() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';"
    " REVOKE EXECUTE ON FUNCTION public.known FROM PUBLIC",
    STRAY
    + "CREATE ROLE mid; CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; ALTER FUNCTION"
    " public.f() OWNER TO mid",
    STRAY
    + "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER theirs FOREIGN DATA WRAPPER w; GRANT USAGE ON FOREIGN SERVER theirs TO"
    " stray; CREATE USER MAPPING FOR CURRENT_USER SERVER theirs",
]


class Planted:
    """A database in a transaction that is taken back, as the login sees it: roles belong to the whole server."""

    def __init__(self, connection: asyncpg.Connection, login: str, database: str) -> None:
        self._connection = connection
        self._names = {"login": login, "database": database}

    def named(self, text: str) -> str:
        return text.format(**self._names)

    async def do(self, statements: str) -> None:
        await self._connection.execute("RESET SESSION AUTHORIZATION")
        try:
            async with self._connection.transaction():
                await self._connection.execute(statements)
        finally:
            await self._connection.execute(f"SET SESSION AUTHORIZATION {self._names['login']}")

    async def faults(self) -> list[str]:
        try:
            await check_reach(self._connection)
        except ConfigurationError as refusal:
            return list(refusal.faults)
        return []


@pytest.fixture
async def planted(netra_database: NetraDatabase) -> AsyncIterator[Planted]:
    connection = await asyncpg.connect(netra_database.admin_url, server_settings={"search_path": "netra, pg_temp"})
    parts = urlsplit(netra_database.url)
    change = connection.transaction()
    await change.start()
    try:
        yield Planted(connection, str(parts.username), parts.path.strip("/"))
    finally:
        await change.rollback()
        await connection.close()


@pytest.mark.validation_point("postgres.reach")
@pytest.mark.parametrize("statements", PLANTED)
async def test_what_reaches_the_rows_from_outside_is_refused_and_the_sql_that_is_told_ends_it(
    planted: Planted, statements: str
) -> None:
    await planted.do("SELECT")
    assert await planted.faults() == []
    await planted.do(planted.named(statements))
    faults = await planted.faults()
    assert planted.named(PLANTED[statements]) in "\n".join(faults)
    for _ in range(3):  # what depends on another thing goes first, or with it
        for fault in faults:
            repair = re.search(r"Run: (.*?)(?:; if it is .*)?$", fault)
            assert repair is not None, fault
            with suppress(asyncpg.DependentObjectsStillExistError, asyncpg.UndefinedFunctionError):  # dropped already
                await planted.do(repair[1])
        faults = await planted.faults()
        if not faults:
            break
    assert faults == []


@pytest.mark.parametrize("statements", NORMAL)
async def test_what_is_normal_beside_a_server_is_no_fault(planted: Planted, statements: str) -> None:
    await planted.do(planted.named(statements))
    assert await planted.faults() == []


async def test_a_login_that_is_named_may_do_no_more_than_become_the_two_that_do_the_work(planted: Planted) -> None:
    await planted.do(planted.named(STRAY + "INSERT INTO netra.allowed VALUES ('login', 'stray')"))
    for grant in (
        "netra_reader TO stray WITH INHERIT TRUE",
        "netra_writer TO stray WITH ADMIN OPTION",
        "netra_owner TO stray",
    ):
        await planted.do(f"GRANT netra_reader, netra_writer TO stray WITH INHERIT FALSE; GRANT {grant}")
        (fault,) = await planted.faults()
        assert fault.startswith("stray can become")
        await planted.do("REVOKE netra_reader, netra_writer, netra_owner FROM stray")
        assert await planted.faults() == []


async def test_a_subscription_that_writes_into_a_table_is_refused_until_it_is_named(planted: Planted) -> None:
    await planted.do(
        "CREATE SUBSCRIPTION incoming CONNECTION 'dbname=none' PUBLICATION other WITH (connect = false);"
        " SET LOCAL allow_system_table_mods = on; INSERT INTO pg_subscription_rel"
        " SELECT oid, 'netra.log'::regclass, 'r', NULL FROM pg_subscription"
    )
    (fault,) = await planted.faults()
    assert fault.startswith(
        "The subscription incoming takes part in what is stored here. Run: DROP SUBSCRIPTION incoming"
    )
    await planted.do("INSERT INTO netra.allowed VALUES ('subscription', 'incoming')")
    assert await planted.faults() == []


async def test_a_slot_of_logical_replication_refuses_the_start_until_it_is_named_or_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "_SETTINGS", (*services._SETTINGS, "wal_level=logical"))
    with services.own_postgres() as server:
        async with prepared(server.url) as place, own_netra_database(place) as database:
            await database.as_admin("SELECT pg_create_logical_replication_slot('cdc', 'pgoutput')")
            await database.as_admin("SELECT pg_create_physical_replication_slot('replica')")
            with pytest.raises(ConfigurationError, match="The slot cdc takes part") as refused:
                await require_postgres(database.url)
            assert len(refused.value.faults) == 1
            await database.as_admin("INSERT INTO netra.allowed VALUES ('slot', 'cdc')")
            await require_postgres(database.url)
            await database.as_admin("DELETE FROM netra.allowed WHERE kind = 'slot'")
            await database.as_admin("SELECT pg_drop_replication_slot('cdc')")
            await require_postgres(database.url)


async def test_a_whole_server_that_fires_no_trigger_is_refused_with_what_sets_it_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        services,
        "_SETTINGS",
        (*services._SETTINGS, "session_replication_role=replica", "netra.owner=ada", "synchronous_commit=off"),
    )
    with services.own_postgres() as server:
        async with prepared(server.url) as place, own_netra_database(place) as database:
            with pytest.raises(
                ConfigurationError, match="configured with session_replication_role = replica"
            ) as refused:
                await require_postgres(database.url)
            assert "configured with netra.owner = ada" in str(refused.value)
            assert "configured with synchronous_commit = off" in str(refused.value)
            assert "Run: ALTER SYSTEM RESET session_replication_role" in str(refused.value)


async def test_the_start_refuses_what_reaches_the_rows(netra_database: NetraDatabase) -> None:
    await require_postgres(netra_database.url)
    await netra_database.as_admin("CREATE VIEW public.all_events AS SELECT * FROM netra.log")
    with pytest.raises(ConfigurationError, match=r"all_events lies outside .* Run: DROP VIEW public.all_events"):
        await require_postgres(netra_database.url)


@pytest.mark.parametrize("kind", ["login", "administrator"])
async def test_the_name_of_a_role_is_quoted_wherever_it_is_told(planted: Planted, kind: str) -> None:
    name = f"it's {secrets.token_hex(2)}"
    await planted.do(planted.named(f'CREATE ROLE "{name}" LOGIN; GRANT CONNECT ON DATABASE {{database}} TO "{name}"'))
    await planted.do(f'GRANT netra_reader TO "{name}" WITH INHERIT FALSE')
    (fault,) = await planted.faults()
    allow = fault.partition("as netra_owner: ")[2].replace("'login'", f"'{kind}'")
    await planted.do(allow)
    assert await planted.faults() == []
