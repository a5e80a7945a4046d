"""Which rights a database has: none that the migrations did not make, and none of theirs is missing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.gate import asked, check_schema, require_postgres
from netra_backend.app.adapters.postgres.rights import EXPECTED, read_rights
from netra_backend.app.core.errors import ConfigurationError
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


TAMPERING = {
    "ALTER POLICY reader_sees_its_owner ON netra.log USING (true)": "on log: for r to netra_reader using true",
    "CREATE POLICY more ON netra.run FOR SELECT TO netra_reader USING (true)": "policy more on run",
    "DROP POLICY reader_sees_its_owner ON netra.run": "missing: policy reader_sees_its_owner on run",
    "GRANT SELECT ON netra.ticket TO netra_reader": "grant on relation ticket: SELECT to netra_reader",
    "GRANT SELECT (payload) ON netra.log TO netra_writer": "grant on column log.payload: SELECT to netra_writer",
    "GRANT SELECT ON netra.thread TO PUBLIC": "grant on relation thread: SELECT to PUBLIC",
    "GRANT UPDATE ON netra.revocation TO netra_writer": "grant on relation revocation: UPDATE to netra_writer",
    "GRANT INSERT ON netra.audit TO netra_writer WITH GRANT OPTION": "with grant option",
    "GRANT CREATE ON SCHEMA netra TO netra_writer": "grant on schema: CREATE to netra_writer",
    "GRANT EXECUTE ON FUNCTION netra.cut_audit TO PUBLIC": "cut_audit(6): EXECUTE to PUBLIC",
    "ALTER TABLE netra.thread DISABLE TRIGGER keep_owner": "trigger keep_owner on thread, D",
    "DROP TRIGGER keep_owner ON netra.thread": "missing: trigger keep_owner on thread",
    "ALTER FUNCTION netra.owner_of SECURITY DEFINER": "function owner_of(1) of netra_owner, as its owner",
    "ALTER FUNCTION netra.asked_owner LEAKPROOF": "function asked_owner(0) of netra_owner, sql s leakproof",
    "ALTER FUNCTION netra.owner_of IMMUTABLE": "function owner_of(1) of netra_owner, plpgsql i",
    "CREATE OR REPLACE FUNCTION netra.asked_owner() RETURNS text LANGUAGE sql AS 'SELECT NULL'": "function asked_owner(0)",
    "CREATE VIEW netra.all_events AS SELECT * FROM netra.log": "view all_events",
    "CREATE RULE hide AS ON DELETE TO netra.audit_subject DO INSTEAD NOTHING": "rule hide on audit_subject",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA netra GRANT SELECT ON TABLES TO PUBLIC": "default of",
    "ALTER DEFAULT PRIVILEGES FOR ROLE netra_owner GRANT SELECT ON TABLES TO netra_reader": "everywhere default of",
    "CREATE OPERATOR CLASS public.watched FOR TYPE text USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,"
    " OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 bttextcmp(text, text);"
    " CREATE INDEX seen ON netra.run (agent public.watched)": "made by netra migrate: index seen on run",
    "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler;"
    " ALTER TABLE netra.revocation SET ACCESS METHOD other": "table revocation of netra_owner, stored by other",
    "ALTER SCHEMA netra OWNER TO CURRENT_USER": "it should be schema of netra_owner",
    "ALTER TABLE netra.request DROP CONSTRAINT request_pkey": "missing: constraint request_pkey on request: PRIMARY KEY",
    "ALTER TABLE netra.audit DROP CONSTRAINT audit_id_check": "missing: constraint audit_id_check on audit: CHECK",
    "ALTER TABLE netra.run ADD CONSTRAINT small CHECK (seq < 9)": "made by netra migrate: constraint small on run",
    "DROP INDEX netra.audit_subject_unsealed": "missing: index audit_subject_unsealed",
    "DROP INDEX netra.log_at": "missing: plain index log_at on log",
    "CREATE UNIQUE INDEX once ON netra.run (owner)": "made by netra migrate: index once on run",
    "CREATE INDEX called ON netra.run (lower(owner))": "made by netra migrate: index called on run",
    "ALTER TABLE netra.log SET UNLOGGED": "table log of netra_owner, unlogged",
    "ALTER TABLE netra.run ALTER COLUMN owner DROP NOT NULL": "column run.owner: text collate C",
    "ALTER TABLE netra.run ALTER COLUMN ended SET DEFAULT 1": "column run.ended: bigint not null default 1",
    "ALTER TABLE netra.run ADD COLUMN more text": "column run.more: text",
    "ALTER TABLE netra.alembic_version OWNER TO CURRENT_USER": "table alembic_version of netra;",
    "CREATE TABLE public.child () INHERITS (netra.log)": "inheritance: public.child is a child of netra.log",
    'CREATE TABLE public.parent (owner text COLLATE "C"); ALTER TABLE netra.run INHERIT public.parent': (
        "inheritance: netra.run is a child of public.parent"
    ),
    "CREATE TYPE netra.mood AS ENUM ('good')": "object: type netra.mood",
    "CREATE MATERIALIZED VIEW netra.kept AS SELECT 1": "materialized view kept of netra",
    "CREATE TRIGGER also AFTER INSERT ON netra.log FOR EACH ROW EXECUTE FUNCTION netra.keep_owner()": "trigger also on log",
    "CREATE FUNCTION pg_catalog.asked_owner() RETURNS text LANGUAGE sql AS 'SELECT current_setting(''app.who'', true)';"
    " ALTER POLICY reader_sees_its_owner ON netra.log USING (owner = (SELECT pg_catalog.asked_owner()))": (
        "changed: policy reader_sees_its_owner on log: for r to netra_reader using (owner = ( SELECT asked_owner()));"
    ),
    "CREATE FUNCTION pg_catalog.owner_of(text) RETURNS text LANGUAGE sql AS 'SELECT $1';"
    " ALTER POLICY writer_appends_to_its_thread ON netra.run WITH CHECK (owner = pg_catalog.owner_of(thread_id))": (
        "changed: policy writer_appends_to_its_thread on run: for a to netra_writer check (owner = owner_of(thread_id));"
    ),
    "CREATE FUNCTION pg_catalog.keep_owner() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
    " CREATE OR REPLACE TRIGGER keep_owner BEFORE UPDATE OF owner ON netra.thread FOR EACH ROW"
    " WHEN (new.owner <> old.owner AND new.owner <> '') EXECUTE FUNCTION pg_catalog.keep_owner()": (
        "EXECUTE FUNCTION keep_owner(); it should be trigger keep_owner on thread"
    ),
    "CREATE FUNCTION pg_catalog.now_ms() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';"
    " ALTER TABLE netra.log ALTER COLUMN at SET DEFAULT pg_catalog.now_ms()": "log.at: bigint not null default now_ms();",
    "ALTER TABLE netra.log ALTER COLUMN payload SET STORAGE PLAIN": "column log.payload: bytea not null, stored as p;",
    "ALTER FUNCTION netra.owner_of STRICT": "function owner_of(1) of netra_owner, plpgsql v strict",
    "DO $$ BEGIN EXECUTE replace(pg_get_functiondef('netra.owner_of(text)'::regprocedure), '(id text)', '(id varchar)'); END $$;"
    " ALTER FUNCTION netra.owner_of(varchar) OWNER TO netra_owner": "takes (id character varying), gives text",
    "ALTER ROLE netra_reader CREATEDB": "role netra_reader: createdb",
}
BY_HAND = {each for each in TAMPERING if each.startswith(("ALTER FUNCTION", "CREATE OR REPLACE", "CREATE TYPE"))}


@pytest.fixture
async def planted(netra_database: NetraDatabase) -> AsyncIterator[asyncpg.Connection]:
    """An administrator in a transaction that is taken back: some of what is changed is the whole server's."""
    connection = await asyncpg.connect(netra_database.admin_url, server_settings={"search_path": "netra, pg_temp"})
    change = connection.transaction()
    await change.start()
    yield connection
    await change.rollback()
    await connection.close()


@pytest.mark.validation_point("postgres.rights")
@pytest.mark.parametrize("statement", TAMPERING)
async def test_what_the_migrations_did_not_make_or_that_is_gone_is_refused_by_name_with_sql_that_mends_it(
    planted: asyncpg.Connection, statement: str
) -> None:
    await check_schema(planted)
    await planted.execute(f"RESET ROLE; {statement}")
    with pytest.raises(ConfigurationError) as caught:
        await check_schema(planted)
    told = str(caught.value)
    assert "are not those that the migrations make" in told
    assert TAMPERING[statement] in told
    repairs = re.findall(r"\(run: (.*?)\)(?=; missing|; not made|; changed|; and \d|\. Run it)", told)
    if statement in BY_HAND:  # nobody can say in one line of SQL what is lost
        assert not repairs
        return
    await planted.execute("RESET ROLE")
    for repair in sorted(repairs, key=lambda sql: not sql.startswith(("DROP", "REVOKE"))):
        await planted.execute(repair)
    await check_schema(planted)


async def test_the_start_refuses_what_was_changed(netra_database: NetraDatabase) -> None:
    await netra_database.as_admin("ALTER POLICY reader_sees_its_owner ON netra.log USING (true)")
    with pytest.raises(ConfigurationError, match=r"DROP POLICY reader_sees_its_owner ON netra\.log"):
        await require_postgres(netra_database.url)


async def test_rights_are_compared_with_those_of_a_database_that_was_just_migrated(
    netra_database: NetraDatabase,
) -> None:
    """If this fails after a change of a migration: ``python -m test_framework.postgres_rights``, and read the difference."""
    async with asked(netra_database.url) as connection:
        assert "\n".join(await read_rights(connection)) == EXPECTED.read_text().strip()
