"""What nobody may do in a database is tried, and found if it is allowed."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.postgres.gate import asked, check_walls
from netra_backend.app.core.errors import ConfigurationError
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


OPENED = {
    "ALTER POLICY reader_sees_its_owner ON netra.thread USING (true)": "finds 1 rows of a thread instead of 0",
    "ALTER POLICY writer_appends_to_its_thread ON netra.log WITH CHECK (true)": "may append what is another owner's",
    "ALTER TABLE netra.thread DISABLE TRIGGER keep_owner": "may give a thread to another owner",
    "GRANT UPDATE, DELETE ON netra.audit TO netra_writer": "netra_writer may: DELETE FROM audit",
    "GRANT TRUNCATE ON netra.log TO netra_writer": "netra_writer may: TRUNCATE log",
    "GRANT UPDATE ON netra.revocation TO netra_writer": "netra_writer may: UPDATE revocation",
    "GRANT DELETE ON netra.run TO netra_reader": "netra_reader may: DELETE FROM run",
    "GRANT SELECT ON netra.log TO netra_writer": "netra_writer may: SELECT payload FROM log",
    "GRANT SELECT ON netra.thread TO PUBLIC; GRANT USAGE ON SCHEMA netra TO PUBLIC": "the login may: SELECT FROM netra.thread",
    "GRANT INSERT ON netra.allowed TO netra_writer": "netra_writer may: INSERT INTO allowed",
    "GRANT UPDATE ON netra.allowed TO netra_writer": "netra_writer may: UPDATE allowed",
    "GRANT SELECT ON netra.allowed TO netra_reader": "netra_reader may: SELECT FROM allowed",
    "GRANT INSERT ON netra.audit_checkpoint TO netra_writer": "netra_writer may: INSERT INTO audit_checkpoint",
    "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO netra_writer": "netra_writer may: SELECT pg_read_file",
    "GRANT CREATE ON SCHEMA netra TO netra_writer": "netra_writer may: CREATE FUNCTION",
}


@pytest.mark.validation_point("postgres.walls")
@pytest.mark.parametrize("statement", OPENED)
async def test_what_the_database_allows_and_nobody_may_do_is_found_by_trying_it(
    netra_database: NetraDatabase, statement: str
) -> None:
    async with asked(netra_database.url) as connection:
        await check_walls(connection)
    await netra_database.as_admin(statement)
    async with asked(netra_database.url) as connection:
        with pytest.raises(ConfigurationError) as caught:
            await check_walls(connection)
        assert OPENED[statement] in str(caught.value)
        assert await connection.fetchval("SELECT current_user = session_user")
        assert await connection.fetchval("SELECT txid_current_if_assigned()") is None  # all of it was taken back


async def test_a_writer_that_may_switch_triggers_off_is_found(netra_database: NetraDatabase) -> None:
    # In a transaction that is taken back: such a grant is the whole server's.
    async with asked(netra_database.admin_url) as connection, asked(netra_database.url) as login:
        change = connection.transaction()
        await change.start()
        try:
            await connection.execute("GRANT SET ON PARAMETER session_replication_role TO netra_writer")
            name = await login.fetchval("SELECT quote_ident(session_user)")
            await connection.execute(f"SET SESSION AUTHORIZATION {name}")
            with pytest.raises(ConfigurationError, match="netra_writer may: SET LOCAL session_replication_role"):
                await check_walls(connection)
        finally:
            await change.rollback()
