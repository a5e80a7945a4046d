"""Servers of tests as several processes: each data directory has a database of its own for as long as the suite runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from test_framework.fleet_services import WORKERS_VARIABLE, fleet_environment, fleet_settings, worker_count
from test_framework.services import Service


async def fetch(url: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(query)]
    finally:
        await connection.close()


def test_a_server_has_one_process_and_no_services_unless_the_suite_is_run_otherwise(tmp_path: Path) -> None:
    assert worker_count({}) == 1
    assert fleet_settings(tmp_path, {}) == {}


@pytest.mark.real_services
def test_a_directory_has_a_database_of_its_own_which_is_gone_afterwards(
    postgres_service: Service, tmp_path: Path
) -> None:
    with fleet_environment(postgres_service.url, "redis://127.0.0.1:1/0", 3) as environ:
        assert environ[WORKERS_VARIABLE] == "3"
        one, again, other = (fleet_settings(tmp_path / name, environ) for name in ("one", "one", "other"))
        assert one == again
        assert one["NETRA_REDIS_URL"] == "redis://127.0.0.1:1/0"
        urls = [one["NETRA_DATABASE_URL"], other["NETRA_DATABASE_URL"]]
        names = [asyncio.run(fetch(url, "SELECT current_database()"))[0] for url in urls]
        assert len(set(names)) == 2
        assert asyncio.run(fetch(urls[0], "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")) == [False]
    left = asyncio.run(fetch(postgres_service.url, "SELECT datname FROM pg_database"))
    assert not {*names} & {*left}
