"""Files in PostgreSQL: what only processes that share it can do to each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER
from netra_backend.app.adapters.postgres.files import PostgresFiles
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from netra_backend.app.core.files import StoredFile
from test_framework.clock import START_MS, ManualClock
from test_framework.service_clients import NetraDatabase
from test_framework.waiting import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


@asynccontextmanager
async def opened(database: NetraDatabase) -> AsyncIterator[PostgresFiles]:
    readers = PostgresConnectionPool(database.url, READER, 8)
    writers = PostgresConnectionPool(database.url, WRITER, 8)
    try:
        yield PostgresFiles(readers, writers, ManualClock().now_ms)
    finally:
        await readers.close()
        await writers.close()


async def test_who_reserves_a_file_waits_for_who_is_reserving_it(netra_database: NetraDatabase) -> None:
    async with opened(netra_database) as files:
        await files.begin(StoredFile("file_1", "user_ada", "text/plain", "", 0, START_MS), 1)
        await files.finish("user_ada", "file_1", "", 0, 1)
        admin = await asyncpg.connect(netra_database.admin_url)
        other = admin.transaction()
        await other.start()
        reserved = "UPDATE netra.file SET thread_id = 'thr_1', run_id = 'run_1', reserved = $1"
        await admin.execute(reserved, START_MS)
        reserving = asyncio.create_task(files.reserve("user_ada", ["file_1"], "thr_2", "run_2"))
        watcher = await asyncpg.connect(netra_database.admin_url)
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database IS NULL AND locktype = 'transactionid'"
        async with asyncio.timeout(PATIENCE_S):
            while not await watcher.fetchval(waiting):
                pass
        await other.commit()
        assert await reserving == "claimed"
        await admin.close()
        await watcher.close()


async def test_what_is_added_while_all_of_an_owner_is_deleted_leaves_no_part(netra_database: NetraDatabase) -> None:
    async with opened(netra_database) as files:
        for number in range(10):
            file_id = f"file_{number}"
            await files.begin(StoredFile(file_id, "user_ada", "text/plain", "", 0, START_MS), 100)
            added = [files.add("user_ada", file_id, b"x" * 100_000) for _ in range(4)]
            await asyncio.gather(*added[:2], files.remove_all("user_ada"), *added[2:])
            assert not await files.add("user_ada", file_id, b"x")
        admin = await asyncpg.connect(netra_database.admin_url)
        assert await admin.fetchval("SELECT count(*) FROM netra.file_part") == 0
        assert await admin.fetchval("SELECT count(*) FROM netra.file") == 0
        await admin.close()
