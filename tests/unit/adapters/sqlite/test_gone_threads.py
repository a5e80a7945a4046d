"""Threads that are gone: their events and blobs go a few at a time, for others to be served meanwhile, also after a crash."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.adapters.sqlite.changes import Change, Deletion
from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.adapters.sqlite.gone_threads import BYTES_AT_ONCE
from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.events import AgentThinking, encode_event
from netra_backend.app.core.history import RunRecord
from test_framework.clock import START_MS, ManualClock
from test_framework.log_story import LogStory

SECRET = "the-secret-of-user-ada"
SIZE = BYTES_AT_ONCE // 4


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


async def filled(log: SqliteEventLog, thread_id: str, owner: str = "user_ada", rows: int = 10) -> Any:
    """A thread with so many large rows, and as many large blobs; its head."""
    head = log.create(owner, thread_id, "e", "Title", START_MS)
    for number in range(rows):
        run = RunRecord(head, f"run_{thread_id}_{number}", "req_1", "a", None, "UTC", START_MS)
        event = AgentThinking(thread_id, run.run_id, head.top + 1, START_MS, SECRET + "x" * SIZE)
        blob = Blob.of(f"{number}{SECRET}".encode() * (SIZE // len(SECRET)), "text/plain")
        log.append(run, encode_event(event), ends=True, blobs=[blob])
        await log.durable(run)
    return head


def after_each_purge(log: SqliteEventLog, then: Callable[[], Awaitable[None]]) -> None:
    change = log._gone_threads._change

    async def watched(each: Change) -> None:
        await change(each)
        await then()

    log._gone_threads._change = watched


def left(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("log", "blob", "head", "run")
        }


def anywhere(path: Path) -> list[str]:
    """The files of the store that hold the secret."""
    return [each.name for each in sorted(path.parent.iterdir()) if SECRET.encode() in each.read_bytes()]


@pytest.mark.parametrize("way", ["thread", "owner"])
async def test_others_write_while_a_large_thread_is_deleted_and_nobody_finds_anything_of_it(
    path: Path, way: str
) -> None:
    async with opened(path) as log:
        head = await filled(log, "thr_1")
        seen: list[int] = []

        async def then() -> None:
            await filled(log, f"thr_other_{len(seen)}", "user_bob", rows=1)
            assert await log.find("thr_1") is None or (await log.find("thr_1")).owner == ""
            assert await log.threads("user_ada", limit=10) == []
            assert await log.run("run_thr_1_0") is None
            seen.append(left(path)["log"])

        after_each_purge(log, then)
        await (log.delete_thread(head) if way == "thread" else log.delete_owner("user_ada"))
        assert len(seen) >= 5
        assert left(path) == dict.fromkeys(("log", "blob", "head", "run"), len(seen))
        assert await log.threads("user_ada", limit=10) == []


async def test_on_return_its_bytes_are_in_no_file_of_the_store(path: Path) -> None:
    async with opened(path) as log:
        head = await filled(log, "thr_1")
        assert anywhere(path) != []
        await log.delete_thread(head)
        assert anywhere(path) == []


async def test_what_a_process_left_is_deleted_by_the_next_one(path: Path) -> None:
    async with opened(path) as log:
        head = await filled(log, "thr_1", rows=3)
        await log._change(Deletion([head.key]))
        assert left(path)["log"] == 3
    async with opened(path) as log:
        assert await log.threads("user_ada", limit=10) == []
        assert await log.trim(START_MS) == 0
        assert left(path) == {"log": 0, "blob": 0, "head": 0, "run": 0}
        assert anywhere(path) == []


async def test_two_deletions_at_once_both_end(path: Path) -> None:
    async with opened(path) as log:
        heads = [await filled(log, f"thr_{number}", rows=4) for number in range(2)]
        await asyncio.gather(*map(log.delete_thread, heads))
        assert left(path)["log"] == 0


async def test_a_thread_that_was_never_stored_is_deleted_too(path: Path) -> None:
    async with opened(path) as log:
        await log.delete_thread(log.create("user_ada", "thr_1", "e", "", START_MS))
        assert left(path)["head"] == 0
