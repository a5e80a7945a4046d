"""What tests of the adapters of PostgreSQL begin with: a log's story, the eye of an administrator, a server of one's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.event_log import PostgresEventLog
from test_framework.clock import ManualClock
from test_framework.log_story import LogStory
from test_framework.service_clients import NetraDatabase
from test_framework.services import DATABASE_VARIABLE, Service, postgres


@pytest.fixture
async def story(netra_database: NetraDatabase) -> AsyncIterator[LogStory]:
    """A log of one process."""
    story = LogStory()
    story.tell(await PostgresEventLog.open(netra_database.url, "prc_one", ManualClock(), story.publish, story.failed))
    yield story
    await story.log.close()


@pytest.fixture
async def admin(netra_database: NetraDatabase) -> AsyncIterator[asyncpg.Connection]:
    """A connection that no policy binds."""
    connection = await asyncpg.connect(netra_database.admin_url, server_settings={"search_path": "netra"})
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
def own_server() -> Iterator[Service]:
    """A PostgreSQL of this module alone: one that may be killed, and that nobody has migrated anything on (roles are the whole
    server's)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(DATABASE_VARIABLE, raising=False)
        with postgres() as server:
            yield server
