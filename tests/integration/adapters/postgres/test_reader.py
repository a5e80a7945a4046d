"""Questions to a real PostgreSQL: each owner's own, and nothing of others whatever is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from netra_backend.app.adapters.postgres.connection import READER, WRITER
from netra_backend.app.adapters.postgres.pool import PostgresConnectionPool
from netra_backend.app.adapters.postgres.reader import PostgresReader
from netra_backend.app.core.history import RunRecord
from test_framework.clock import START_MS
from test_framework.log_story import LogStory, positions
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


@pytest.fixture
async def reader(netra_database: NetraDatabase) -> AsyncIterator[PostgresReader]:
    readers, writers = (PostgresConnectionPool(netra_database.url, role, 2) for role in (READER, WRITER))
    yield PostgresReader(readers, writers)
    for lines in (readers, writers):
        await lines.close()


@pytest.fixture
async def run(story: LogStory) -> RunRecord:
    return await story.ended("user_ada", "a secret", "another", key="k1")


async def test_events_are_read_as_their_owner_and_as_nobody_else(reader: PostgresReader, run: RunRecord) -> None:
    thread_id = run.head.thread_id
    assert [positions(page) async for page in reader.pages("user_ada", thread_id, 0, 3)] == [[1, 2, 3]]
    assert [positions(page) async for page in reader.pages("user_ada", thread_id, 1, 2)] == [[2]]
    assert [page async for page in reader.pages("user_bob", thread_id, 0, 3)] == []
    assert [page async for page in reader.pages("user_ada", "thr_unknown", 0, 3)] == []


async def test_the_owner_named_for_one_question_is_not_the_owner_of_the_next(
    netra_database: NetraDatabase, run: RunRecord
) -> None:
    one = PostgresConnectionPool(netra_database.url, READER, 1)
    reader = PostgresReader(one, one)
    assert [page async for page in reader.pages("user_ada", run.head.thread_id, 0, 3)] != []
    assert await one.ask("SELECT payload FROM log") == []
    assert await reader.threads("user_bob", 9, "", None, "") == []
    await one.close()


async def test_a_long_run_is_read_whole(story: LogStory, reader: PostgresReader) -> None:
    run = story.run(story.thread())
    for _ in range(400):
        story.write(run)
        await story.log.durable(run)
    story.write(run, "x" * 1_100_000, ends=True)
    await story.log.durable(run)
    stored = await reader.run(run.run_id)
    assert stored is not None
    pages = [page async for page in reader.run_pages(stored, 401)]
    assert positions([frame for page in pages for frame in page]) == list(range(1, 402))
    assert len(pages) > 1


async def test_keys_are_answered_each_for_its_owner_and_its_time(reader: PostgresReader, run: RunRecord) -> None:
    asked = [
        ("user_ada", "k1", START_MS),
        ("user_bob", "k1", 0),
        ("user_ada", "k1", START_MS + 1),
        ("user_ada", "k2", 0),
    ]
    found = await reader.requests(asked)
    assert {key: stored.run_id for key, stored in found.items()} == {asked[0]: run.run_id}


async def test_heads_are_known_whoever_owns_them_and_those_of_nobody_are_not_there(
    reader: PostgresReader, run: RunRecord
) -> None:
    found = await reader.heads([run.head.thread_id, "thr_unknown"])
    assert {name: (row["owner"], row["top"]) for name, row in found.items()} == {run.head.thread_id: ("user_ada", 3)}
    assert await reader.threads_of("user_ada") == [run.head.thread_id]
    assert await reader.untouched(START_MS) == []
    assert await reader.untouched(START_MS + 1) == [("user_ada", run.head.thread_id, 3)]
