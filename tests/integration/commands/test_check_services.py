"""The rows of ``netra check`` about PostgreSQL and Redis, over real ones."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from typer.testing import CliRunner

from netra_backend.app.cli import command_line
from test_framework.service_clients import NetraDatabase
from test_framework.services import Service

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


def rows(monkeypatch: pytest.MonkeyPatch, directory: Path, **environ: str) -> dict[str, dict[str, Any]]:
    """What ``netra check --json`` found, by part; no password of the addresses may stand in it."""
    monkeypatch.setenv("NETRA_DATA_DIR", str(directory / "data"))
    told = CliRunner(env=environ).invoke(command_line(["check"]), ["check", "--json"])
    report = json.loads(told.stdout)
    assert report["ok"] is all(each["ok"] for each in report["findings"])
    assert told.exit_code == (0 if report["ok"] else 1)
    for url in environ.values():
        password = urlsplit(url).password
        assert password is not None
        assert password not in told.output
    return {each["part"]: each for each in report["findings"]}


def test_a_database_and_a_redis_that_hold_are_told_with_their_versions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, netra_database: NetraDatabase, redis_service: Service
) -> None:
    found = rows(monkeypatch, tmp_path, NETRA_DATABASE_URL=netra_database.url, NETRA_REDIS_URL=redis_service.url)
    assert all(row["ok"] for row in found.values())
    assert "event log" not in found  # there is none in the data directory
    assert found["database"]["told"].startswith("PostgreSQL 1")
    assert "row-level security applies to it" in found["database login"]["told"]
    told = "version 0008; row-level security is forced on every table with users' data"
    assert found["database schema"]["told"] == told
    assert "nothing outside the schema reaches its rows" in found["database walls"]["told"]
    assert found["redis"]["told"].split()[0] in ("Valkey", "Redis")


def test_every_fault_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, netra_database: NetraDatabase
) -> None:
    async def spoil() -> None:
        connection = await asyncpg.connect(netra_database.admin_url)
        await connection.execute("ALTER TABLE netra.log NO FORCE ROW LEVEL SECURITY")
        await connection.close()

    asyncio.run(spoil())
    found = rows(
        monkeypatch,
        tmp_path,
        NETRA_DATABASE_URL=netra_database.admin_url,
        NETRA_REDIS_URL="redis://:secret-word@127.0.0.1:1/0",
    )
    assert found["database"]["ok"]
    assert "superuser" in found["database login"]["told"]
    assert "not forced on log" in found["database schema"]["told"]
    assert "does not answer" in found["redis"]["told"]
    assert "NETRA_REDIS_URL" in found["redis"]["hint"]
    assert not any(found[part]["ok"] for part in ("database login", "database schema", "redis"))


def test_a_way_round_the_walls_is_told_with_the_sql_that_closes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, netra_database: NetraDatabase
) -> None:
    asyncio.run(netra_database.as_admin("CREATE VIEW public.all_events AS SELECT * FROM netra.log"))
    found = rows(monkeypatch, tmp_path, NETRA_DATABASE_URL=netra_database.url)
    assert not found["database walls"]["ok"]
    assert "Run: DROP VIEW public.all_events" in found["database walls"]["told"]
    assert found["database schema"]["ok"]


@pytest.mark.parametrize(
    "url", ["postgresql://a:secret-word@127.0.0.1:1/x", "postgresql://a:secret-word@/x?host=b&x=y"]
)
def test_a_database_that_does_not_answer_is_told_in_each_of_its_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    found = rows(monkeypatch, tmp_path, NETRA_DATABASE_URL=url)
    for part in ("database", "database login", "database schema", "database walls"):
        assert "PostgreSQL cannot be used" in found[part]["told"]
