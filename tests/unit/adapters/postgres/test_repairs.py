"""Which SQL mends which difference; that it does is tried on a real database (``test_rights``)."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.postgres.repairs import change, drop, restore, subject_of
from netra_backend.app.adapters.postgres.rights import EXPECTED

BY_HAND = "make it again as a newly migrated database has it: pg_dump --schema-only --schema=netra"
GRANT = "grant on {}: SELECT to netra_reader"


@pytest.mark.parametrize(
    ("line", "sql"),
    [
        (GRANT.format("relation ticket"), "REVOKE SELECT ON netra.ticket FROM netra_reader"),
        (
            GRANT.format("column log.payload") + " with grant option",
            "REVOKE SELECT (payload) ON netra.log FROM netra_reader",
        ),
        (GRANT.format("function now_ms(0)"), "REVOKE SELECT ON FUNCTION netra.now_ms FROM netra_reader"),
        (GRANT.format("schema"), "REVOKE SELECT ON SCHEMA netra FROM netra_reader"),
        (
            GRANT.format("default of root for f"),
            "ALTER DEFAULT PRIVILEGES FOR ROLE root IN SCHEMA netra REVOKE SELECT ON FUNCTIONS FROM netra_reader",
        ),
        ("foreign table far of root", "DROP FOREIGN TABLE netra.far"),
        ("partitioned table parts of root", "DROP TABLE netra.parts"),
        ("sequence numbers of root", "DROP SEQUENCE netra.numbers"),
        ("inheritance: log is a child of public.all", "ALTER TABLE netra.log NO INHERIT public.all"),
        ("role netra_reader: login bypassrls", "ALTER ROLE netra_reader NOLOGIN NOBYPASSRLS"),
        ("member: netra_writer of pg_monitor", "REVOKE pg_monitor FROM netra_writer"),
    ],
)
def test_what_no_migration_made_is_taken_away(line: str, sql: str) -> None:
    assert drop(line) == f"run: {sql}"


def test_what_nobody_foresaw_is_named_all_the_same() -> None:
    assert drop("object: type mood") == "drop it"
    assert restore("object: type mood") == BY_HAND


def test_nothing_that_holds_rows_is_dropped_if_it_is_only_otherwise() -> None:
    for line in EXPECTED.read_text().splitlines():
        if line.startswith(("table ", "column ")):
            assert "DROP TABLE" not in change(line, line)
            assert "DROP COLUMN" not in change(line, line)
            assert subject_of(line) == subject_of(line.partition(":")[0].partition(",")[0])


def test_a_column_that_is_gone_or_of_another_type_is_for_people_to_mend() -> None:
    column = "column run.owner: text collate C not null"
    assert restore(column) == BY_HAND
    assert change("column run.owner: bytea not null", column) == BY_HAND
    assert change("column run.owner: text collate C", column) == (
        "run: ALTER TABLE netra.run ALTER COLUMN owner SET NOT NULL; ALTER TABLE netra.run ALTER COLUMN owner DROP DEFAULT"
    )


def test_lines_are_about_the_same_thing_by_its_kind_and_name() -> None:
    assert subject_of("table log of netra_owner, row security forced") == subject_of("table log of root, unlogged")
    assert subject_of("policy one on log: for r to a") != subject_of("policy one on run: for r to a")
    assert subject_of(GRANT.format("relation log")) != subject_of(GRANT.format("relation run"))
