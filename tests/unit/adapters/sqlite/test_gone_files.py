"""Files that are gone: their bytes go a few at a time, for others to be served meanwhile, and go on after a crash."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from netra_backend.app.adapters.sqlite import schema
from netra_backend.app.adapters.sqlite.changes import Change, give_up_files
from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.adapters.sqlite.gone_files import PARTS_AT_ONCE, GoneFiles, Purge
from netra_backend.app.core.files import StoredFile
from test_framework.clock import START_MS, ManualClock
from test_framework.log_story import LogStory

SECRET = b"the-secret-of-user-ada"
PARTS = 12 * PARTS_AT_ONCE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteEventLog]:
    story = LogStory()
    log = SqliteEventLog(path, ManualClock(), asyncio.get_running_loop(), story.publish, story.failed)
    try:
        yield log
    finally:
        await log.close()
    assert story.failures == []


async def put(log: SqliteEventLog, file_id: str, owner: str = "user_ada", parts: int = PARTS) -> None:
    await log.files.begin(StoredFile(file_id, owner, "text/plain", "", 0, START_MS), 10)
    for _ in range(parts):
        await log.files.add(owner, file_id, SECRET)
    await log.files.finish(owner, file_id, "", parts, 1 << 30)


def after_first_purge(log: SqliteEventLog, then: Callable[[], Awaitable[None]]) -> None:
    """Have this happen between the first purge and the next one."""
    change = log._gone._change
    seen: list[Change] = []

    async def watched(each: Change) -> None:
        await change(each)
        if not seen:
            seen.append(each)
            await then()

    log._gone._change = watched


def left(path: Path) -> tuple[int, int]:
    """How many files and parts there are."""
    with closing(sqlite3.connect(path)) as connection:
        files: int = connection.execute("SELECT count(*) FROM file").fetchone()[0]
        parts: int = connection.execute("SELECT count(*) FROM file_part").fetchone()[0]
    return files, parts


def anywhere(path: Path) -> list[str]:
    """The files of the store that hold the secret."""
    return [each.name for each in sorted(path.parent.iterdir()) if SECRET in each.read_bytes()]


@pytest.mark.parametrize("way", ["delete_owner", "remove"])
async def test_others_are_served_while_files_of_a_user_are_deleted(path: Path, way: str) -> None:
    async with opened(path) as log:
        await put(log, "file_1")
        seen: list[tuple[int, int]] = []

        async def serve() -> None:
            assert await log.files.find("user_ada", "file_1") is None
            await put(log, "file_2", "user_bob", 1)
            seen.append(left(path))

        after_first_purge(log, serve)
        await (log.delete_owner("user_ada") if way == "delete_owner" else log.files.remove("user_ada", "file_1"))
        assert seen == [(2, PARTS - PARTS_AT_ONCE + 1)]
        assert left(path) == (1, 1)
        assert await log.files.find("user_bob", "file_2") is not None


async def test_a_deletion_that_a_crash_cut_short_is_finished_with_the_expiry_of_files(path: Path) -> None:
    async with opened(path) as log:
        await put(log, "file_1")
        await put(log, "file_2", "user_bob", 1)
        purged = asyncio.Event()

        async def stop() -> None:
            purged.set()
            await asyncio.get_running_loop().create_future()

        after_first_purge(log, stop)
        deletion = asyncio.ensure_future(log.delete_owner("user_ada"))
        await purged.wait()
        deletion.cancel()
        await asyncio.gather(deletion, return_exceptions=True)
    files, parts = left(path)
    assert files == 2
    assert parts > 1
    async with opened(path) as log:
        assert await log.files.page("user_ada") == []
        assert await log.files.begin(StoredFile("file_3", "user_ada", "text/plain", "", 0, START_MS), 1)
        assert await log.files.expire(START_MS) == 0  # what is gone was deleted before, and is not counted again
        assert left(path) == (2, 1)
        assert await log.files.remove("user_bob", "file_2") == "removed"
        assert anywhere(path) == []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(schema.open_writer(tmp_path / "events.db")) as connection:
        yield connection


def given_up(store: sqlite3.Connection, *parts: int) -> list[int]:
    """The ids of files of so many parts that were given up."""
    for file, count in enumerate(parts, 1):
        store.execute("INSERT INTO file VALUES (?, ?, 'user_ada', 'text/plain', '', 1, 1, 1, '', '', 0)", (file, file))
        store.executemany("INSERT INTO file_part VALUES (?, ?, x'00')", [(file, n) for n in range(count)])
    return give_up_files(store, [(file,) for file in range(1, len(parts) + 1)])


async def test_who_deletes_little_does_not_wait_for_one_who_deletes_much(store: sqlite3.Connection) -> None:
    async def change(each: Change) -> None:
        each(store)
        await asyncio.sleep(0)

    async def read(*_: object) -> list[int]:
        return []

    much, little = given_up(store, PARTS, 1)
    files = GoneFiles(change, read)
    first = asyncio.ensure_future(files.purge([much]))
    await files.purge([little])
    assert not first.done()
    await first


def test_a_purge_deletes_no_more_parts_than_go_in_one_transaction(store: sqlite3.Connection) -> None:
    files = given_up(store, 3, PARTS_AT_ONCE, 1)
    taken = []
    while files:
        before = store.execute("SELECT count(*) FROM file_part").fetchone()[0]
        Purge(files)(store)
        taken.append(before - store.execute("SELECT count(*) FROM file_part").fetchone()[0])
    assert taken == [PARTS_AT_ONCE, 4]
    assert store.execute("SELECT count(*) FROM file").fetchone() == (0,)


def test_only_the_last_purge_of_files_has_something_to_erase(store: sqlite3.Connection) -> None:
    files = given_up(store, PARTS_AT_ONCE, 1)
    first, last = Purge(files), Purge(files)
    first(store)
    last(store)
    assert (first.erases, last.erases) == (False, True)


def test_a_purge_takes_few_files_at_once_also_where_they_have_no_parts(store: sqlite3.Connection) -> None:
    files = given_up(store, *[0] * (PARTS_AT_ONCE + 1))
    Purge(files)(store)
    assert files == [PARTS_AT_ONCE + 1]


def test_a_purge_leaves_a_file_that_somebody_has(store: sqlite3.Connection) -> None:
    given_up(store, 0)
    store.execute("UPDATE file SET owner = 'user_bob'")
    Purge([1])(store)
    assert store.execute("SELECT id FROM file").fetchall() == [(1,)]
