"""Runs whole suites of tests against servers of several processes: each server gets a database of its own on the real
PostgreSQL, and all share the real Valkey.

The runner opens ``fleet_environment`` around pytest; every ``ServerProcess`` that is started there finds by it what to be
started with. One data directory has one database, so a server that is started again finds what it had.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from .services import DATABASE_VARIABLE, REDIS_VARIABLE

WORKERS_VARIABLE: Final = "NETRA_TEST_WORKERS"
TEMPLATE_VARIABLE: Final = "NETRA_TEST_TEMPLATE_URL"
"""A server's login to a database in which ``netra migrate`` has run, to be copied."""

Value = TypeVar("Value")


def worker_count(environ: Mapping[str, str] = os.environ) -> int:
    """How many processes a server of a test's own has."""
    return int(environ.get(WORKERS_VARIABLE, "1"))


def fleet_settings(data_dir: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The settings of a server of several processes for this data directory; none where servers have one.

    Its database is made when it is asked for the first time.
    """
    if worker_count(environ) == 1:
        return {}
    template = urlsplit(environ[TEMPLATE_VARIABLE])
    mark = template.path.strip("/")
    name = f"{mark.removesuffix('_template')}_{hashlib.sha256(str(data_dir.absolute()).encode()).hexdigest()[:16]}"
    _run(_make_database(environ[DATABASE_VARIABLE], name, mark))
    return {
        "NETRA_DATABASE_URL": template._replace(path=f"/{name}").geturl(),
        "NETRA_REDIS_URL": environ[REDIS_VARIABLE],
    }


@contextmanager
def fleet_environment(database_url: str, redis_url: str, workers: int) -> Iterator[dict[str, str]]:
    """The variables that have servers of tests run as ``workers`` processes. What they stored is gone afterwards."""
    from .service_clients import prepared

    with asyncio.Runner() as runner:
        place = prepared(database_url)
        opened = runner.run(place.__aenter__())
        try:
            yield {
                DATABASE_VARIABLE: database_url,
                REDIS_VARIABLE: redis_url,
                WORKERS_VARIABLE: str(workers),
                TEMPLATE_VARIABLE: opened.login_url(opened.template),
            }
        finally:
            runner.run(_drop_databases(database_url, opened.template))
            runner.run(place.__aexit__(None, None, None))


async def _make_database(admin_url: str, name: str, template: str) -> None:
    import asyncpg

    keeper = await asyncpg.connect(admin_url)
    try:
        if await keeper.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name) is None:
            await keeper.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    finally:
        await keeper.close()


async def _drop_databases(admin_url: str, template: str) -> None:
    import asyncpg

    keeper = await asyncpg.connect(admin_url)
    try:
        mine = template.removesuffix("_template") + "_"
        for each in await keeper.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", mine):
            if each["datname"] != template:
                await keeper.execute(f'DROP DATABASE "{each["datname"]}" WITH (FORCE)')
    finally:
        await keeper.close()


def _run(work: Coroutine[Any, Any, Value]) -> Value:
    """Run it to its end, also where a loop runs already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
