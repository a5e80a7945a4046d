"""The adapters that a port's suite runs over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from netra_backend.app.adapters.postgres.event_log import PostgresEventLog
from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.ports import EventLog
from test_framework.clock import ManualClock
from test_framework.ids import new_id
from test_framework.log_story import LogStory
from test_framework.memory.event_log import MemoryEventLog
from test_framework.memory.store import MemoryStore
from test_framework.service_clients import Prepared, own_netra_database


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


class StoryOverAnAdapter(LogStory):
    """``opened`` opens a log over what is stored."""

    opened: Callable[[], Awaitable[EventLog]]

    async def open(self) -> None:
        self.tell(await self.opened())

    async def reopen(self) -> None:
        """Close the log and open what it stored again, as a next process does."""
        await self.log.close()
        await self.open()


@asynccontextmanager
async def over_sqlite(clock: ManualClock, directory: Path) -> AsyncIterator[StoryOverAnAdapter]:
    story = StoryOverAnAdapter()

    async def opened() -> EventLog:
        return SqliteEventLog(directory / "events.db", clock, asyncio.get_running_loop(), story.publish, story.failed)

    async with _told(story, opened):
        yield story


@asynccontextmanager
async def over_memory(clock: ManualClock, _: Path) -> AsyncIterator[StoryOverAnAdapter]:
    story, store = StoryOverAnAdapter(), MemoryStore()

    async def opened() -> EventLog:
        return MemoryEventLog(store, clock, asyncio.get_running_loop(), story.publish, story.failed)

    async with _told(story, opened):
        yield story


@asynccontextmanager
async def over_postgres(place: Prepared, clock: ManualClock, _: Path) -> AsyncIterator[StoryOverAnAdapter]:
    story = StoryOverAnAdapter()

    async with own_netra_database(place) as database:

        async def opened() -> EventLog:
            return await PostgresEventLog.open(database.url, new_id("prc"), clock, story.publish, story.failed)

        async with _told(story, opened):
            yield story


@asynccontextmanager
async def _told(story: StoryOverAnAdapter, opened: Callable[[], Awaitable[EventLog]]) -> AsyncIterator[None]:
    story.opened = opened
    await story.open()
    try:
        yield
    finally:
        await story.log.close()


Adapter = Callable[..., AbstractAsyncContextManager[StoryOverAnAdapter]]
EVENT_LOGS: dict[str, Adapter] = {"sqlite": over_sqlite, "memory": over_memory, "postgres": over_postgres}


@pytest.fixture(params=EVENT_LOGS)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Opens one adapter; what it needs of the kit is started only for it."""
    if request.param == "postgres":
        return partial(over_postgres, request.getfixturevalue("prepared_postgres"))
    return EVENT_LOGS[str(request.param)]


@pytest.fixture
async def story(adapter: Adapter, clock: ManualClock, tmp_path: Path) -> AsyncIterator[StoryOverAnAdapter]:
    async with adapter(clock, tmp_path) as story:
        yield story
