"""Renaming and deleting in a real PostgreSQL, each in one transaction."""

from __future__ import annotations

import asyncpg
import pytest

from netra_backend.app.adapters.postgres.changes import Change, Deletion, Rename, expire
from netra_backend.app.adapters.postgres.connection import WRITER, connect
from netra_backend.app.core.history import HeldElsewhere, RunRecord
from test_framework.clock import START_MS
from test_framework.log_story import LogStory
from test_framework.service_clients import NetraDatabase

pytestmark = [pytest.mark.integration, pytest.mark.real_services]


async def made(netra_database: NetraDatabase, change: Change) -> None:
    connection = await connect(netra_database.url, WRITER)
    try:
        async with connection.transaction():
            await change(connection)
    finally:
        await connection.close()


async def rows_of(admin: asyncpg.Connection, run: RunRecord) -> list[int]:
    """How many rows there are of a run's thread: events, runs, keys."""
    count = "SELECT count(*) FROM {} WHERE thread_id = $1"
    return [await admin.fetchval(count.format(table), run.head.thread_id) for table in ("log", "run", "request")]


async def test_threads_of_several_owners_are_deleted_and_keep_nothing_but_their_ids(
    story: LogStory, admin: asyncpg.Connection, netra_database: NetraDatabase
) -> None:
    runs = [await story.ended(f"user_{name}", key="k") for name in ("ada", "bob", "cyd")]
    deletion = Deletion([run.head.thread_id for run in runs[:2]] + ["thr_unknown"], "prc_two")
    await made(netra_database, deletion)
    assert set(deletion.deleted) == {run.head.thread_id for run in runs[:2]}
    assert [await rows_of(admin, run) for run in runs] == [[0, 0, 0], [0, 0, 0], [1, 1, 1]]
    left = await admin.fetch("SELECT owner, title, epoch, top FROM thread ORDER BY owner")
    assert [tuple(row) for row in left] == [("", "", "", 0)] * 2 + [("user_cyd", "A title", "epoch-user_cyd", 1)]


async def test_a_thread_that_another_holds_keeps_all_from_being_deleted(
    story: LogStory, admin: asyncpg.Connection, netra_database: NetraDatabase
) -> None:
    ended, going = await story.ended(), story.run(story.thread())
    story.write(going)
    await story.log.durable(going)
    deletion = Deletion([ended.head.thread_id, going.head.thread_id], "prc_two")
    with pytest.raises(HeldElsewhere) as held:
        await made(netra_database, deletion)
    assert (held.value.process_id, deletion.deleted) == ("prc_one", [])
    assert await rows_of(admin, ended) == [1, 1, 0]


async def test_what_is_old_is_deleted_and_what_got_an_event_or_has_a_run_is_left(
    story: LogStory, admin: asyncpg.Connection, netra_database: NetraDatabase
) -> None:
    old, newer, going = await story.ended(), await story.ended(), story.run(story.thread())
    story.write(going)
    await story.log.durable(going)
    await admin.execute("UPDATE thread SET updated = $1 WHERE thread_id = $2", START_MS + 10, newer.head.thread_id)
    threads = [run.head.thread_id for run in (old, newer, going)]
    for holder in ("prc_one", "prc_two"):  # held by whoever asks, and by another
        deletion = Deletion(threads, holder, before_ms=START_MS + 5)
        await made(netra_database, deletion)
        assert deletion.deleted == ([old.head.thread_id] if holder == "prc_one" else [])
    assert await rows_of(admin, going) == [1, 1, 0]


async def test_a_rename_changes_one_title_and_none_of_what_was_deleted(
    story: LogStory, admin: asyncpg.Connection, netra_database: NetraDatabase
) -> None:
    run, other = await story.ended(), await story.ended("user_bob")
    await made(netra_database, Rename(run.head.thread_id, "Another"))
    await made(netra_database, Deletion([other.head.thread_id], "prc_one"))
    await made(netra_database, Rename(other.head.thread_id, "Another"))
    titles = await admin.fetch("SELECT title FROM thread ORDER BY title")
    assert [row["title"] for row in titles] == ["", "Another"]


async def test_keys_of_several_owners_go_in_the_name_of_each_where_they_are_old_still(
    story: LogStory, admin: asyncpg.Connection, netra_database: NetraDatabase
) -> None:
    runs = [await story.ended(f"user_{name}", key="k") for name in ("ada", "bob", "cyd", "dan")]
    await admin.execute("UPDATE request SET created = created + 1 WHERE owner = 'user_bob'")  # it began another run
    connection = await connect(netra_database.url, WRITER)
    try:
        asked = [("user_ada", "k"), ("user_bob", "k"), ("user_cyd", "k"), ("user_eve", "k")]
        await expire(connection, asked, START_MS + 1)
    finally:
        await connection.close()
    assert [await rows_of(admin, run) for run in runs] == [[1, 1, 0], [1, 1, 1], [1, 1, 0], [1, 1, 1]]
