"""After a restore of a database: every thread that lives has another epoch, and nothing of it is done under a server."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.new_epochs import renew_epochs
from netra_backend.app.core.errors import ConfigurationError
from test_framework.service_clients import NetraDatabase

THREADS = (
    "INSERT INTO thread (thread_id, owner, epoch, title, created, updated, fence, holder) "
    "VALUES ($1, $2, $3, '', 0, 0, 7, $4)"
)


@pytest.fixture
async def rows(netra_database: NetraDatabase) -> Any:
    connection = await asyncpg.connect(netra_database.admin_url, server_settings={"search_path": "netra"})
    await connection.execute(THREADS, "thread_1", "ann", "old", "prc_gone")
    await connection.execute(THREADS, "thread_2", "", "", None)
    yield connection
    await connection.close()


@pytest.mark.real_services
async def test_a_database_gets_new_epochs_and_forgets_the_processes_of_its_backup(
    netra_database: NetraDatabase, rows: Any
) -> None:
    await rows.execute("INSERT INTO process (process_id, lease) VALUES ('prc_gone', now_ms() - 1)")
    await rows.execute("INSERT INTO mailbox (sender, body) VALUES ('prc_gone', '')")
    assert await renew_epochs(netra_database.url) == 1
    alive, deleted = await rows.fetch("SELECT epoch, holder, fence FROM thread ORDER BY thread_id")
    assert len(alive["epoch"]) == 16
    assert (alive["holder"], alive["fence"]) == (None, 8)
    assert (deleted["epoch"], deleted["fence"]) == ("", 7)
    assert await rows.fetchval("SELECT (SELECT count(*) FROM process) + (SELECT count(*) FROM mailbox)") == 0


@pytest.mark.real_services
@pytest.mark.validation_point("epochs.in_use")
async def test_nothing_is_renewed_under_a_living_process(netra_database: NetraDatabase, rows: Any) -> None:
    await rows.execute("INSERT INTO process (process_id, lease) VALUES ('prc_here', now_ms() + 30000)")
    with pytest.raises(ConfigurationError, match="1 server processes use this database"):
        await renew_epochs(netra_database.url)
    assert await rows.fetchval("SELECT epoch FROM thread WHERE thread_id = 'thread_1'") == "old"
