"""Files in the embedded store: what only it has to do. What every store promises is in the contract suite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.adapters.sqlite.files import SqliteFiles
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.files import StoredFile
from test_framework.clock import START_MS, ManualClock
from test_framework.log_story import LogStory

SECRET = b"the-secret-of-user-ada"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@asynccontextmanager
async def opened(path: Path, clock: ManualClock) -> AsyncIterator[SqliteFiles]:
    story = LogStory()
    log = SqliteEventLog(path, clock, asyncio.get_running_loop(), story.publish, story.failed)
    try:
        yield log.files
    finally:
        await log.close()
    assert story.failures == []


async def put(files: SqliteFiles, file_id: str, owner: str = "user_ada") -> None:
    await files.begin(StoredFile(file_id, owner, "text/plain", "", 0, START_MS), 10)
    for size in (10, 5_000, 200_000):  # on one page, on overflow pages
        await files.add(owner, file_id, SECRET + b"x" * size)
    await files.finish(owner, file_id, "", 205_076, 1 << 30)


def anywhere(path: Path) -> list[str]:
    """The files of the store that hold the secret."""
    return [each.name for each in sorted(path.parent.iterdir()) if SECRET in each.read_bytes()]


async def test_the_bytes_of_a_file_that_is_removed_or_has_expired_are_in_no_file_of_the_store(
    path: Path, clock: ManualClock
) -> None:
    async with opened(path, clock) as files:
        await put(files, "file_1")
        assert anywhere(path) != []
        assert await files.remove("user_ada", "file_1") == "removed"
        assert anywhere(path) == []
        await put(files, "file_2")
        assert await files.expire(START_MS + 1) == 1
        assert anywhere(path) == []


async def test_a_reservation_of_a_process_before_this_one_counts_no_more(path: Path, clock: ManualClock) -> None:
    async with opened(path, clock) as files:
        await put(files, "file_1")
        assert await files.reserve("user_ada", ["file_1"], "thr_1", "run_1") == "reserved"
        assert await files.reserve("user_ada", ["file_1"], "thr_1", "run_2") == "claimed"
    clock.advance(ms=1)
    async with opened(path, clock) as files:
        assert await files.reserve("user_ada", ["file_1"], "thr_1", "run_2") == "reserved"


async def test_a_part_that_would_fill_the_disk_is_refused_and_the_log_goes_on(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path, clock) as files:
        await put(files, "file_1")
        await files.begin(StoredFile("file_2", "user_ada", "text/plain", "", 0, START_MS), 10)
        with monkeypatch.context() as full:
            full.setattr(files, "_reserved_bytes", 1 << 62)
            with pytest.raises(DependencyUnavailable, match="almost full"):
                await files.add("user_ada", "file_2", b"x")
        assert await files.add("user_ada", "file_2", b"x")


async def test_parts_go_with_their_files(path: Path, clock: ManualClock) -> None:
    async with opened(path, clock) as files:
        for file_id in ("file_1", "file_2", "file_3"):
            await put(files, file_id)
        await files.remove("user_ada", "file_1")
        await files.expire(START_MS + 1)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM file_part").fetchone() == (0,)
