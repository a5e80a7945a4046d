"""``netra revoke`` where no server of this machine could be asked: into PostgreSQL, for all the others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner, Result

from netra_backend.app.adapters.postgres.connection import WRITER, closing_pool
from netra_backend.app.adapters.postgres.revocations import PostgresRevocations
from netra_backend.app.cli import command_line
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


def revoke(directory: Path, url: str, *words: str) -> Result:
    environ = {"NETRA_DATA_DIR": str(directory / "data"), "NETRA_DATABASE_URL": url}
    return CliRunner(env=environ).invoke(command_line(["revoke"]), ["revoke", "alice", *words])


def test_the_revocation_is_stored_where_every_server_loads_it(tmp_path: Path, netra_database: NetraDatabase) -> None:
    async def stored() -> dict[str, int]:
        async with closing_pool(netra_database.url, WRITER, size=1) as writer:
            return await PostgresRevocations(writer).load()

    done = revoke(tmp_path, netra_database.url)
    assert done.exit_code == 0, done.output
    assert set(asyncio.run(stored())) == {"alice"}
    assert not (tmp_path / "data").exists()


def test_the_revocation_of_one_sign_in_is_stored_where_every_server_loads_it(
    tmp_path: Path, netra_database: NetraDatabase
) -> None:
    async def stored() -> tuple[dict[str, int], set[tuple[str, str]]]:
        async with closing_pool(netra_database.url, WRITER, size=1) as writer:
            store = PostgresRevocations(writer)
            return await store.load(), {(each.user_id, each.token_id) for each in await store.load_tokens()}

    done = revoke(tmp_path, netra_database.url, "--token-id", "t1")
    assert done.exit_code == 0, done.output
    assert asyncio.run(stored()) == ({}, {("alice", "t1")})


def test_a_database_that_no_server_would_use_is_refused(tmp_path: Path, netra_database: NetraDatabase) -> None:
    refused = revoke(tmp_path, netra_database.admin_url)
    assert refused.exit_code == 1
    assert "Row-level security does not apply to a superuser" in refused.output
    assert str(urlsplit(netra_database.admin_url).password) not in refused.output
