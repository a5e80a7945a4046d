"""What version 0001 lets each role of PostgreSQL do: whatever SQL is sent, users stay apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER, name_owner
from test_framework.service_clients import NetraDatabase, as_role

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

OWNED = ("thread", "log", "run", "request", "blob", "file", "file_part", "state", "secret", "model_use")
"""Tables whose rows are somebody's, also of later versions."""

OTHERS = ("process", "mailbox", "revocation", "revoked_token", "ticket")

LATER = ("audit", "audit_subject", "audit_checkpoint", "audit_unchained", "allowed", "spend", "mcp_server", "api_key")
"""Tables that later versions made, or made anew; their tests say who may do what."""

SECRET = "of-bob-alone"


@asynccontextmanager
async def as_admin(database: NetraDatabase, role: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser who has become ``role``, and with it all that binds that role."""
    connection = await asyncpg.connect(database.admin_url, server_settings={"search_path": "netra"})
    try:
        await connection.execute(f"SET ROLE {role}")
        yield connection
    finally:
        await connection.close()


async def fill(writer: asyncpg.Connection, owner: str, word: str) -> None:
    """A thread ``thr_<owner>`` with one row of each kind."""
    await writer.execute(
        "INSERT INTO thread (thread_id, owner, epoch, title, created, updated, top) VALUES ($1, $2, 'e', $3, 1, 1, 1)",
        f"thr_{owner}",
        owner,
        word,
    )
    await writer.execute(
        "INSERT INTO log (thread_id, seq, n, owner, run_id, fence, payload) VALUES ($1, 1, 1, $2, $3, 1, $4)",
        f"thr_{owner}",
        owner,
        f"run_{owner}",
        word.encode(),
    )
    await writer.execute(
        "INSERT INTO run (run_id, thread_id, owner, agent, request_id, timezone, created, seq)"
        " VALUES ($1, $2, $3, 'echo', $4, '', 1, 1)",
        f"run_{owner}",
        f"thr_{owner}",
        owner,
        word,
    )
    await writer.execute(
        "INSERT INTO request (owner, key, run_id, thread_id, created) VALUES ($1, $2, $3, $4, 1)",
        owner,
        word,
        f"run_{owner}",
        f"thr_{owner}",
    )
    await writer.execute(
        "INSERT INTO blob (thread_id, owner, ref, media, body) VALUES ($1, $2, 'ref', $3, $4)",
        f"thr_{owner}",
        owner,
        word,
        word.encode(),
    )
    async with writer.transaction():
        await name_owner(writer, owner)
        await writer.execute(
            "INSERT INTO file (file_id, owner, media, created, thread_id) VALUES ($1, $2, $3, 1, $4)",
            f"file_{owner}",
            owner,
            word,
            f"thr_{owner}",
        )
        await writer.execute(
            "INSERT INTO file_part (file_id, n, owner, body) VALUES ($1, 0, $2, $3)",
            f"file_{owner}",
            owner,
            word.encode(),
        )
        await writer.execute("INSERT INTO state VALUES ($1, $2, 'k', 'd', $3, 1)", owner, f"thr_{owner}", word.encode())
        await writer.execute("INSERT INTO secret VALUES ($1, 'k', 'id', $2, 1)", owner, word.encode())
        await writer.execute(
            "INSERT INTO model_use VALUES ($1, 'c', 1, 1, '2026-11-30', $2, 1, 1, 1, 0, 0, 0, true)", owner, word
        )


@pytest.fixture
async def database(netra_database: NetraDatabase) -> NetraDatabase:
    async with as_role(netra_database, WRITER) as writer:
        await fill(writer, "ada", "of-ada-alone")
        await fill(writer, "bob", SECRET)
    return netra_database


# --- the reader -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", OWNED)
async def test_the_reader_sees_the_rows_of_the_owner_that_its_transaction_names(
    database: NetraDatabase, table: str
) -> None:
    async with as_role(database, READER) as reader:
        for owner in ("ada", "bob"):
            async with reader.transaction():
                await name_owner(reader, owner)
                rows = await reader.fetch(f"SELECT owner FROM {table}")
                assert [row["owner"] for row in rows] == [owner]
        assert await reader.fetch(f"SELECT * FROM {table}") == []


ATTACKS = [
    *(f"SELECT * FROM {table}" for table in OWNED),
    *(f"SELECT * FROM {table} WHERE owner = 'bob'" for table in OWNED),
    "SELECT * FROM log WHERE thread_id = 'thr_bob' AND seq = 1",
    "SELECT * FROM log WHERE owner = 'bob' OR true",
    "SELECT l.* FROM thread t RIGHT JOIN log l USING (thread_id)",
    "SELECT * FROM log UNION ALL SELECT * FROM log",
    "WITH all_of_them AS MATERIALIZED (SELECT * FROM log) SELECT * FROM all_of_them",
    "SELECT (SELECT string_agg(convert_from(payload, 'UTF8'), ',') FROM log)",
    "SELECT query_to_xml('SELECT * FROM netra.log', true, false, '')",
    "SELECT table_to_xml('netra.log', true, false, '')",
    "SELECT 1 / (CASE WHEN owner = 'bob' THEN 0 ELSE 1 END) FROM log",
    "SELECT * FROM log WHERE convert_from(payload, 'UTF8')::integer = 1 AND owner = 'bob'",
    "SELECT most_common_vals::text FROM pg_stats WHERE schemaname = 'netra'",
    "SELECT * FROM log FOR UPDATE",
    "SELECT * FROM ONLY log TABLESAMPLE SYSTEM (100)",
    "SET LOCAL row_security = off; SELECT * FROM log",
    "SET LOCAL ROLE netra_owner; SELECT * FROM log",
    "ALTER TABLE log DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE log NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY reader_sees_its_owner ON log",
    "CREATE POLICY mine ON log TO netra_reader USING (true)",
    "CREATE OR REPLACE FUNCTION netra.asked_owner() RETURNS text LANGUAGE sql AS $$ SELECT 'bob' $$",
    "CREATE FUNCTION netra.more() RETURNS text LANGUAGE sql AS $$ SELECT 'bob' $$",
    "CREATE TEMP VIEW everything AS SELECT * FROM netra.log; SELECT * FROM everything",
    "PREPARE everything AS SELECT * FROM log; EXECUTE everything",
    "DECLARE c CURSOR FOR SELECT * FROM log; FETCH ALL FROM c",
    "SELECT * FROM pg_read_file('PG_VERSION')",
    "SELECT pg_advisory_xact_lock(1), * FROM thread",
    *(f"SELECT * FROM {table}" for table in OTHERS),
    *(f"DELETE FROM {table}" for table in (*OWNED, *OTHERS)),
    *(f"TRUNCATE {table}" for table in OWNED),
    "UPDATE thread SET title = 'x'",
    "INSERT INTO log (thread_id, seq, n, owner, run_id, fence, payload) VALUES ('thr_ada', 2, 1, 'ada', 'run_ada', 1, 'x')",
]


async def told_by(reader: asyncpg.Connection, attack: str, owner: str | None) -> str:
    """All that comes back: rows, errors and notices."""
    told: list[str] = []
    note = lambda _, message: told.append(str(message))  # noqa: E731
    reader.add_log_listener(note)
    change = reader.transaction()
    await change.start()
    try:
        if owner is not None:
            await name_owner(reader, owner)
        before, _, last = attack.rpartition("; ")
        if before:
            await reader.execute(before)
        told.append(repr([tuple(row) for row in await reader.fetch(last)]))
    except asyncpg.PostgresError as refused:
        told.append(str(refused))
    await change.rollback()
    reader.remove_log_listener(note)
    return "\n".join(told)


def tells_of_bob(told: str) -> bool:
    return SECRET in told or "thr_bob" in told or "division by zero" in told


@pytest.mark.parametrize("owner", ["ada", None])
async def test_whatever_the_reader_sends_it_learns_nothing_of_somebody_else(
    database: NetraDatabase, owner: str | None
) -> None:
    async with as_admin(database, "netra") as admin:
        await admin.execute("ANALYZE netra.log, netra.thread")
    async with as_role(database, READER) as reader:
        told = {attack: await told_by(reader, attack, owner) for attack in ATTACKS}
    assert [attack for attack in ATTACKS if tells_of_bob(told[attack])] == []
    async with as_role(database, WRITER) as writer:
        for table in OWNED:
            assert await writer.fetchval(f"SELECT count(*) FROM {table}") == 2


async def test_the_same_attacks_tell_much_where_row_level_security_is_off(database: NetraDatabase) -> None:
    async with as_admin(database, "netra_owner") as admin:
        for table in OWNED:
            await admin.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    async with as_role(database, READER) as reader:
        telling = [attack for attack in ATTACKS if tells_of_bob(await told_by(reader, attack, "ada"))]
    assert len(telling) >= 20
    assert set(telling) >= {f"SELECT * FROM {table}" for table in OWNED}


async def test_a_function_that_tells_what_it_is_given_is_given_nothing_of_somebody_else(
    database: NetraDatabase,
) -> None:
    told: list[str] = []
    async with as_role(database, READER) as reader:
        reader.add_log_listener(lambda _, message: told.append(message.message))
        await reader.execute(
            "CREATE FUNCTION pg_temp.leak(bytea) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS"
            " $$ BEGIN RAISE NOTICE 'leaked %', convert_from($1, 'UTF8'); RETURN true; END $$"
        )
        async with reader.transaction():
            await name_owner(reader, "ada")
            await reader.fetch("SELECT seq FROM log WHERE pg_temp.leak(payload)")
    assert told == ["leaked of-ada-alone"]


async def test_a_statement_that_was_planned_for_one_owner_serves_the_next_one_rightly(database: NetraDatabase) -> None:
    async with as_role(database, READER) as reader:
        statement = await reader.prepare("SELECT owner FROM log WHERE thread_id LIKE $1")
        for owner in ["bob", "ada"] * 6:  # a plan is kept after five
            async with reader.transaction():
                await name_owner(reader, owner)
                assert [row["owner"] for row in await statement.fetch("thr%")] == [owner]


async def test_a_thread_that_was_given_up_is_nobodys(database: NetraDatabase) -> None:
    async with as_role(database, WRITER) as writer, as_role(database, READER) as reader:
        await writer.execute("UPDATE thread SET owner = '', title = '', epoch = '' WHERE thread_id = 'thr_bob'")
        for owner in ("", "bob"):
            async with reader.transaction():
                await name_owner(reader, owner)
                assert await reader.fetch("SELECT * FROM thread") == []


# --- the writer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO log (thread_id, seq, n, owner, run_id, fence, payload) VALUES ('thr_bob', 2, 1, 'ada', 'run_ada', 1, 'x')",
        "INSERT INTO log (thread_id, seq, n, owner, run_id, fence, payload) VALUES ('thr_none', 1, 1, 'ada', 'run_ada', 1, 'x')",
        "INSERT INTO run (run_id, thread_id, owner, agent, request_id, timezone, created, seq)"
        " VALUES ('run_2', 'thr_bob', 'ada', 'echo', 'q', '', 1, 2)",
        "INSERT INTO request (owner, key, run_id, thread_id, created) VALUES ('ada', 'k', 'run_bob', 'thr_bob', 1)",
        "INSERT INTO request (owner, key, run_id, thread_id, created) VALUES ('ada', 'of-ada-alone', 'run_bob', 'thr_bob', 1)"
        " ON CONFLICT (owner, key) DO UPDATE SET run_id = excluded.run_id, thread_id = excluded.thread_id",
        "UPDATE request SET thread_id = 'thr_bob' WHERE owner = 'ada'",
        "INSERT INTO thread (thread_id, owner, epoch, title, created, updated) VALUES ('thr_3', '', 'e', '', 1, 1)",
    ],
)
async def test_the_writer_appends_only_where_the_rows_owner_is_the_threads_owner(
    database: NetraDatabase, statement: str
) -> None:
    async with as_role(database, WRITER) as writer:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await writer.execute(statement)


async def test_a_thread_that_was_given_up_takes_nothing_more(database: NetraDatabase) -> None:
    async with as_role(database, WRITER) as writer:
        await writer.execute("UPDATE thread SET owner = '' WHERE thread_id = 'thr_ada'")
        for owner in ("ada", ""):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                await writer.execute(
                    "INSERT INTO log (thread_id, seq, n, owner, run_id, fence, payload)"
                    " VALUES ('thr_ada', 2, 1, $1, 'r', 1, 'x')",
                    owner,
                )


async def test_a_thread_and_its_first_events_go_into_one_statement(database: NetraDatabase) -> None:
    async with as_role(database, WRITER) as writer:
        await writer.execute(
            "WITH begun AS (INSERT INTO thread (thread_id, owner, epoch, title, created, updated)"
            " VALUES ('thr_4', 'ada', 'e', '', 1, 1) RETURNING thread_id, owner)"
            " INSERT INTO log (thread_id, seq, n, owner, run_id, fence, payload)"
            " SELECT thread_id, 1, 1, owner, 'r', 1, 'x' FROM begun"
        )
        assert await writer.fetchval("SELECT count(*) FROM log WHERE thread_id = 'thr_4'") == 1


@pytest.mark.parametrize("owner", ["eve", "bob"])
async def test_a_threads_owner_is_never_another_one(database: NetraDatabase, owner: str) -> None:
    async with as_role(database, WRITER) as writer:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="one owner, for ever"):
            await writer.execute("UPDATE thread SET owner = $1 WHERE thread_id = 'thr_ada'", owner)


async def test_a_thread_that_was_given_up_is_never_taken_again(database: NetraDatabase) -> None:
    async with as_role(database, WRITER) as writer:
        await writer.execute("UPDATE thread SET owner = '' WHERE thread_id = 'thr_ada'")
        assert await writer.execute("UPDATE thread SET owner = 'bob' WHERE thread_id = 'thr_ada'") == "UPDATE 0"
        with pytest.raises(asyncpg.UniqueViolationError):
            await writer.execute(
                "INSERT INTO thread (thread_id, owner, epoch, title, created, updated) VALUES ('thr_ada','bob','e','',1,1)"
            )


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT payload FROM log",
        "SELECT * FROM log",
        "SELECT l FROM log l",
        "SELECT seq FROM log WHERE payload = 'x'",
        "DELETE FROM log RETURNING payload",
        "INSERT INTO log (thread_id, seq, n, owner, run_id, fence, payload) VALUES ('thr_bob', 1, 1, 'bob', 'r', 1, 'x')"
        " ON CONFLICT (thread_id, seq) DO UPDATE SET payload = excluded.payload",
        "COPY log TO STDOUT",
        "UPDATE log SET n = 2",
        "UPDATE log SET owner = 'ada'",
        "UPDATE run SET owner = 'ada'",
        "UPDATE run SET thread_id = 'thr_ada'",
        "UPDATE request SET owner = 'ada'",
        "DELETE FROM thread",
        "TRUNCATE log",
        "ALTER TABLE log NO FORCE ROW LEVEL SECURITY",
        "SET ROLE netra_owner",
        "SELECT * FROM revocation; DELETE FROM revocation",
        "CREATE TABLE netra.more (x integer)",
    ],
)
async def test_the_writer_reads_no_event_changes_none_and_has_no_other_right(
    database: NetraDatabase, statement: str
) -> None:
    async with as_role(database, WRITER) as writer:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied|must be owner"):
            await writer.execute(statement)


@pytest.mark.parametrize("table", ["log", "run", "request"])
async def test_the_writer_deletes_only_what_belongs_to_the_owner_that_its_transaction_names(
    database: NetraDatabase, table: str
) -> None:
    async with as_role(database, WRITER) as writer:
        assert await writer.execute(f"DELETE FROM {table}") == "DELETE 0"
        async with writer.transaction():
            await name_owner(writer, "ada")
            assert await writer.execute(f"DELETE FROM {table}") == "DELETE 1"
        assert [row["owner"] for row in await writer.fetch(f"SELECT owner FROM {table}")] == ["bob"]


# --- everybody else -------------------------------------------------------------------------------------------------


async def test_who_logged_in_and_became_neither_has_no_right_at_all(database: NetraDatabase) -> None:
    async with as_role(database, None) as login:
        for table in (*OWNED, *OTHERS, *LATER, "alembic_version"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
                await login.fetch(f"SELECT * FROM netra.{table}")


@pytest.mark.parametrize("table", [*OWNED, *OTHERS, *(table for table in LATER if table != "allowed")])
async def test_row_level_security_is_forced_so_that_the_owner_of_the_tables_reads_nothing(
    database: NetraDatabase, table: str
) -> None:
    async with as_admin(database, "netra_owner") as owner:
        assert await owner.fetch(f"SELECT * FROM {table}") == []


async def test_the_owner_of_the_tables_appends_nothing(database: NetraDatabase) -> None:
    async with as_admin(database, "netra_owner") as owner:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await owner.execute(
                "INSERT INTO log (thread_id, seq, n, owner, run_id, fence, payload) VALUES ('thr_ada', 2, 1, 'ada', 'r', 1, 'x')"
            )


async def test_no_table_is_left_out(database: NetraDatabase) -> None:
    async with as_admin(database, "netra_owner") as owner:
        tables = await owner.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'netra'::regnamespace AND relkind = 'r'"
        )
    assert {row["relname"] for row in tables} == {*OWNED, *OTHERS, *LATER, "alembic_version"}


async def test_only_retention_of_the_audit_trail_runs_with_more_rights_than_its_caller(database: NetraDatabase) -> None:
    async with as_admin(database, "netra_owner") as owner:
        readable = await owner.fetch(
            "SELECT proname AS name FROM pg_proc WHERE pronamespace = 'netra'::regnamespace AND prosecdef"
            " UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'netra'::regnamespace AND relkind IN ('v', 'm')"
        )
    assert {row["name"] for row in readable} == {"cut_audit", "forget_unchained_audit"}
