"""The versions of the schema, read from their files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from netra_backend.app.adapters.migrations import history
from netra_backend.app.adapters.migrations.history import NEWEST, VERSIONS, statements, statements_in

MIGRATIONS = Path(history.__file__).parent


def test_versions_are_numbers_in_order_and_the_newest_is_the_last() -> None:
    assert list(VERSIONS) == [f"{number:04}" for number in range(1, len(VERSIONS) + 1)]
    assert VERSIONS[-1] == NEWEST


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_one_for_both_databases_and_for_alembic(version: str) -> None:
    assert (MIGRATIONS / f"{version}.sqlite.sql").is_file()
    assert (MIGRATIONS / f"{version}.postgresql.sql").is_file()
    assert (MIGRATIONS / "versions" / f"r{version}.py").is_file()


def test_a_file_without_its_last_semicolon_loses_no_statement(tmp_path: Path) -> None:
    path = tmp_path / "9999.sqlite.sql"
    path.write_text("-- A comment.\n\nCREATE TABLE one (id);\n\nCREATE TABLE two (id)\n-- and another\n")
    assert len(statements_in(path)) == 2
    path.write_text("-- Nothing but comments.\n-- And another.\n")
    assert statements_in(path) == []


def test_there_is_no_file_of_a_version_that_is_not_in_the_list() -> None:
    found = {path.name.split(".")[0] for path in MIGRATIONS.glob("*.sql")}
    found |= {path.stem.removeprefix("r") for path in (MIGRATIONS / "versions").glob("r*.py")}
    assert found == set(VERSIONS)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("version", VERSIONS)
def test_each_statement_is_one_and_whole(version: str, dialect: str) -> None:
    found = statements(dialect, version)
    first_words = re.compile(r"CREATE|ALTER|GRANT|REVOKE|DROP|DO|UPDATE|INSERT|DELETE")
    for statement in found:
        code = [line for line in statement.splitlines() if line and not line.startswith("--")]
        assert first_words.match(code[0]), statement
        assert code[-1].split("--")[0].rstrip().endswith(";"), statement
    text = (MIGRATIONS / f"{version}.{dialect}.sql").read_text(encoding="utf-8").strip()
    only_comments = all(line.startswith("--") for line in text.splitlines())
    assert "\n\n".join(found) == ("" if only_comments else text)


def test_the_embedded_server_loads_neither_alembic_nor_sqlalchemy_nor_a_driver_of_postgresql(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
import netra_backend.app.cli, netra_backend.app.commands.serve, netra_backend.app.commands.demo, netra_backend.app.wiring
from netra_backend.app.adapters.sqlite import migration, schema
schema.open_writer(Path(sys.argv[1])).close()
migration.migrate_sqlite(Path(sys.argv[1]))
print(sorted({name.partition(".")[0] for name in sys.modules} & {"alembic", "sqlalchemy", "greenlet", "mako", "asyncpg"}))
"""
    database = str(tmp_path / "netra.db")
    found = subprocess.run([sys.executable, "-c", program, database], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
