"""Which rights a database has: none that the migrations did not make, and none of theirs is missing."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.postgres.gate import asked, require_postgres
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
    "CREATE OR REPLACE FUNCTION netra.asked_owner() RETURNS text LANGUAGE sql AS 'SELECT NULL'": "function asked_owner(0)",
    "CREATE VIEW netra.all_events AS SELECT * FROM netra.log": "view all_events",
    "CREATE RULE hide AS ON DELETE TO netra.audit_subject DO INSTEAD NOTHING": "rule hide on audit_subject",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA netra GRANT SELECT ON TABLES TO PUBLIC": "default of",
    "ALTER SCHEMA netra OWNER TO CURRENT_USER": "missing: schema of netra_owner",
}


@pytest.mark.validation_point("postgres.rights")
@pytest.mark.parametrize("statement", TAMPERING)
async def test_a_right_that_the_migrations_did_not_make_or_that_is_gone_is_refused_by_name(
    netra_database: NetraDatabase, statement: str
) -> None:
    await netra_database.as_admin(statement)
    with pytest.raises(ConfigurationError) as caught:
        await require_postgres(netra_database.url)
    told = str(caught.value)
    assert "are not those that the migrations make" in told
    assert TAMPERING[statement] in told


async def test_rights_are_compared_with_those_of_a_database_that_was_just_migrated(
    netra_database: NetraDatabase,
) -> None:
    """If this fails after a change of a migration: ``python -m test_framework.postgres_rights``, and read the difference."""
    async with asked(netra_database.url) as connection:
        assert "\n".join(await read_rights(connection)) == EXPECTED.read_text().strip()
