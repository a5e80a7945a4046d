"""Files in PostgreSQL: what only processes that share it can do to each other."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER
from netra_backend.app.adapters.postgres.files import PostgresFiles
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from netra_backend.app.core.files import StoredFile
from test_framework.clock import START_MS, ManualClock
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


async def test_what_is_added_while_all_of_an_owner_is_deleted_leaves_no_part(netra_database: NetraDatabase) -> None:
    readers = PostgresConnectionPool(netra_database.url, READER, 8)
    writers = PostgresConnectionPool(netra_database.url, WRITER, 8)
    files = PostgresFiles(readers, writers, ManualClock().now_ms)
    try:
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
    finally:
        await readers.close()
        await writers.close()
