"""``netra migrate``: what it does, says and exits with."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner, Result

from netra_backend import distribution
from netra_backend.app.adapters.migrations.history import VERSIONS
from netra_backend.app.adapters.process.data_directory import lock_data_directory
from netra_backend.app.adapters.sqlite import schema
from netra_backend.app.cli import command_line
from netra_backend.distribution import install_hint
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]

Run = Callable[..., Result]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    return directory


@pytest.fixture
def run(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("NETRA_DATABASE_URL", raising=False)
    monkeypatch.setenv("NETRA_DATA_DIR", str(data_dir))

    def run(*words: str, stdin: str | None = None, **environ: str) -> Result:
        return CliRunner(env=environ).invoke(command_line(["migrate"]), ["migrate", *words], input=stdin)

    return run


def test_the_embedded_log_is_made_and_left_as_it_is_the_next_time(run: Run, data_dir: Path) -> None:
    first, second = run(), run()
    assert first.exit_code == second.exit_code == 0
    assert first.stdout.splitlines() == [
        *(f"✓ migrated events.db to version {version}" for version in VERSIONS),
        "✓ The embedded event log is now up to date.",
    ]
    assert second.stdout.splitlines() == ["✓ The embedded event log is already up to date."]
    schema.open_writer(data_dir / "events.db").close()


def test_a_check_changes_nothing_and_says_by_its_exit_code_whether_a_server_would_start(
    run: Run, data_dir: Path
) -> None:
    assert run("--check").exit_code == 0
    assert not (data_dir / "events.db").exists()
    with closing(sqlite3.connect(data_dir / "events.db")) as other:
        other.execute("PRAGMA user_version=99")
    checked = run("--check")
    assert checked.exit_code == 1
    assert "schema version 99" in checked.stderr


def test_a_directory_that_a_server_uses_is_left_alone(run: Run, data_dir: Path) -> None:
    lock = lock_data_directory(data_dir)
    try:
        refused = run()
    finally:
        lock.release()
    assert refused.exit_code == 1
    assert not (data_dir / "events.db").exists()
    assert run().exit_code == 0


def test_postgresql_is_brought_up_to_date_and_shown_to_be_fit_for_the_server(
    run: Run, netra_database: NetraDatabase
) -> None:
    done = run("--database-url", netra_database.admin_url, NETRA_DATABASE_URL=netra_database.url)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "✓ PostgreSQL is already up to date.",
        "✓ A server with this NETRA_DATABASE_URL can start.",
    ]


def test_the_administrators_address_can_come_over_stdin_and_each_step_is_told(
    run: Run, netra_database: NetraDatabase
) -> None:
    made = run("--database-url", "-", stdin=netra_database.admin_url + "\n")
    assert made.exit_code == 0, made.output
    assert "GRANT netra_writer, netra_reader" in made.stdout


def test_a_database_without_the_schema_gets_it_and_a_check_says_so_before_and_after(
    run: Run, netra_database: NetraDatabase
) -> None:
    import asyncio

    import asyncpg

    async def drop() -> None:
        connection = await asyncpg.connect(netra_database.admin_url)
        await connection.execute("DROP SCHEMA netra CASCADE")
        await connection.close()

    asyncio.run(drop())
    checked = run("--check", NETRA_DATABASE_URL=netra_database.url)
    assert checked.exit_code == 1
    assert "Run: netra migrate --database-url ADMIN_URL" in checked.stderr
    assert run("--check", "--database-url", netra_database.admin_url).exit_code == 1
    done = run("--database-url", netra_database.admin_url, NETRA_DATABASE_URL=netra_database.url)
    assert done.stdout.splitlines() == [
        "✓ created the schema netra",
        *(f"✓ migrated the schema to version {version}" for version in VERSIONS),
        "✓ PostgreSQL is now up to date.",
        "✓ A server with this NETRA_DATABASE_URL can start.",
    ]
    for checked in (
        run("--check", NETRA_DATABASE_URL=netra_database.url),
        run("--check", "--database-url", netra_database.admin_url),
    ):
        assert (checked.exit_code, checked.stdout) == (0, "✓ PostgreSQL is up to date.\n")


def test_a_servers_own_login_is_not_taken_for_an_administrator(run: Run, netra_database: NetraDatabase) -> None:
    refused = run(NETRA_DATABASE_URL=netra_database.url)
    assert refused.exit_code == 2
    assert "Give an administrator's address with --database-url" in refused.stderr


def test_an_administrators_address_as_the_servers_is_found_out_and_no_password_is_shown(
    run: Run, netra_database: NetraDatabase
) -> None:
    refused = run("--database-url", netra_database.admin_url, NETRA_DATABASE_URL=netra_database.admin_url)
    assert refused.exit_code == 1
    assert "Row-level security does not apply to a superuser" in refused.stderr
    assert str(urlsplit(netra_database.admin_url).password) not in refused.output


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without extras."""
    absent = {"alembic", "sqlalchemy", "asyncpg"}
    monkeypatch.setattr(distribution, "find_spec", lambda name: None if name in absent else find_spec(name))
    for name in absent:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("plain")
def test_the_embedded_log_needs_no_extra(run: Run, data_dir: Path) -> None:
    assert run().exit_code == run("--check").exit_code == 0
    schema.open_writer(data_dir / "events.db").close()


@pytest.mark.usefixtures("plain")
def test_what_postgresql_needs_and_is_not_installed_is_named_with_the_way_to_install_it(run: Run) -> None:
    admin = "postgresql://somebody@127.0.0.1:1/netra"
    needed = {"": "asyncpg, alembic, sqlalchemy, which are", "--check": "asyncpg, which is"}
    for option, named in needed.items():
        refused = run(*option.split(), "--database-url", admin)
        assert refused.exit_code == 1
        assert f"needs {named} not installed: {install_hint('scale')}" in refused.stderr
    refused = run("--check", NETRA_DATABASE_URL=admin)
    assert refused.exit_code == 1
    assert f"NETRA_DATABASE_URL needs asyncpg, which is not installed: {install_hint('scale')}" in refused.stderr
