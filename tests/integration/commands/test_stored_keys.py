"""``netra key`` without a server on this machine: it writes to PostgreSQL, for the servers on the others."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from netra_backend.app.adapters.postgres.connection import WRITER, closing_pool
from netra_backend.app.adapters.postgres.revocations import PostgresRevocations
from netra_backend.app.cli import command_line
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


def key(directory: Path, url: str, *words: str) -> Result:
    environ = {"NETRA_DATA_DIR": str(directory / "data"), "NETRA_DATABASE_URL": url}
    return CliRunner(env=environ).invoke(command_line(["key"]), ["key", *words, "--user", "alice", "--json"])


def test_a_key_is_kept_where_every_server_finds_it_and_its_end_where_every_server_hears_of_it(
    tmp_path: Path, netra_database: NetraDatabase
) -> None:
    async def ended() -> set[tuple[str, str]]:
        async with closing_pool(netra_database.url, WRITER, size=1) as writer:
            return {(each.user_id, each.token_id) for each in await PostgresRevocations(writer).load_tokens()}

    done = key(tmp_path, netra_database.url, "create", "ci")
    assert done.exit_code == 0, done.output
    made: dict[str, Any] = json.loads(done.output)
    (listed,) = json.loads(key(tmp_path, netra_database.url, "list").output)["keys"]
    assert (listed["id"], listed["name"]) == (made["id"], "ci")
    assert key(tmp_path, netra_database.url, "revoke", "ci").exit_code == 0
    assert json.loads(key(tmp_path, netra_database.url, "list").output) == {"keys": []}
    assert asyncio.run(ended()) == {("alice", f"nk_{made['id']}")}


def test_a_database_that_no_server_would_use_is_refused(tmp_path: Path, netra_database: NetraDatabase) -> None:
    refused = key(tmp_path, netra_database.admin_url, "create", "ci")
    assert refused.exit_code == 1
    assert "Row-level security does not apply to a superuser" in refused.output
