"""The embedded log beyond what every log promises: groups, failure, eviction, and bytes that are really gone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netra_backend.app.adapters.sqlite.event_log import SqliteEventLog
from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.history import Chunk
from test_framework.clock import ManualClock
from test_framework.log_story import LogStory, positions


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
async def story(path: Path) -> AsyncIterator[LogStory]:
    told = LogStory()
    log = SqliteEventLog(path, ManualClock(), asyncio.get_running_loop(), told.publish, told.failed)
    told.tell(log)
    yield told
    await log.close()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """The writer cannot commit inside of this."""
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    other.close()


async def test_what_comes_while_a_commit_is_under_way_is_committed_together(story: LogStory, path: Path) -> None:
    runs = [story.run(story.thread(f"user_{n}")) for n in range(50)]
    with held(path):
        for run in runs:
            story.write(run)
            await asyncio.sleep(0)
        assert story.published == []
    for run in runs:
        await story.log.durable(run)
    assert len(story.published) == 50
    assert len(story.groups) <= 2  # the one that was waited for, and all the others


async def test_a_request_and_its_run_s_first_step_are_one_chunk_also_when_others_are_about_to_be_stored(
    story: LogStory,
) -> None:
    earlier, later = story.run(story.thread()), story.run(story.thread("user_bob"))
    story.write(earlier)
    await asyncio.sleep(0)  # in the turn that this wakes up in, the earlier one is about to be stored
    story.write(later, "asked")
    asyncio.get_running_loop().call_soon(story.write, later, "begun")
    await asyncio.sleep(0)
    await story.log.durable(later)
    assert [len(told.frames) for told in story.published] == [1, 2]


async def test_a_change_stores_what_was_about_to_be_stored_and_what_was_just_written_before_itself(
    story: LogStory,
) -> None:
    head = story.thread()
    run, other = story.run(head), story.run(story.thread("user_bob"))
    story.write(run)
    await asyncio.sleep(0)
    story.write(other)
    await story.log.rename(head, "Another title")
    assert (head.durable, other.head.durable) == (1, 1)
    story.write(other, ends=True)
    await story.log.durable(other)
    assert [told.first for told in story.published] == [1, 1, 2]


async def test_nothing_is_told_before_another_connection_can_read_it(
    path: Path,
) -> None:
    seen: list[tuple[int, int]] = []
    reader = sqlite3.connect(path)

    def publish(chunks: list[Chunk]) -> None:
        stored = reader.execute("SELECT coalesce(sum(n), 0) FROM log").fetchone()[0]
        seen.append((chunks[-1].last, stored))

    story = LogStory()
    log = SqliteEventLog(path, ManualClock(), asyncio.get_running_loop(), publish, story.failed)
    story.tell(log)
    run = story.run(story.thread())
    for _ in range(20):
        story.write(run)
        await story.log.durable(run)
    await log.close()
    reader.close()
    assert len(seen) == 20
    assert all(told <= stored for told, stored in seen)


class TestFailure:
    """A full disk, as far as a test can have one: the file may not grow."""

    @pytest.fixture(autouse=True)
    def full_disk(self, story: LogStory) -> None:
        connection = story.log._writer._connection  # type: ignore[attr-defined]  # the only way to a full disk
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    async def fail(self, story: LogStory) -> None:
        run = story.run(story.thread())
        story.write(run, "x" * 500_000)
        with pytest.raises(DependencyUnavailable, match="event log cannot be written"):
            await story.log.durable(run)

    async def test_a_failed_commit_is_told_once_and_its_waiters_are_refused(self, story: LogStory) -> None:
        waits = []
        for n in range(3):
            run = story.run(story.thread(f"user_{n}"))
            story.write(run, "x" * 500_000)
            waits.append(story.log.durable(run))
        answers = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(answer) for answer in answers] == [DependencyUnavailable] * 3
        assert [str(error) for error in story.failures] == ["database or disk is full"]
        assert story.published == []

    async def test_after_a_failure_nothing_more_is_taken(self, story: LogStory) -> None:
        head = story.thread()
        await self.fail(story)
        assert story.log.failed
        with pytest.raises(DependencyUnavailable):
            story.write(story.run(head))
        with pytest.raises(DependencyUnavailable):
            await story.log.durable(story.run(head))
        for change in (story.log.rename(head, "t"), story.log.delete_thread(head), story.log.delete_owner("user_ada")):
            with pytest.raises(DependencyUnavailable):
                await change
        assert len(story.failures) == 1

    async def test_a_change_that_waits_for_a_commit_that_fails_is_refused(self, story: LogStory) -> None:
        run = story.run(story.thread())
        story.write(run, "x" * 500_000)
        with pytest.raises(DependencyUnavailable):
            await story.log.rename(run.head, "t")

    async def test_a_waiter_that_was_cancelled_before_changes_nothing(self, story: LogStory) -> None:
        run = story.run(story.thread())
        story.write(run, "x" * 500_000)
        waits = asyncio.create_task(story.log.durable(run))
        await asyncio.sleep(0)
        waits.cancel()
        await self.fail(story)
        assert waits.cancelled()

    async def test_what_was_committed_before_is_intact(self, story: LogStory, path: Path) -> None:
        connection = story.log._writer._connection  # type: ignore[attr-defined]
        connection.execute("PRAGMA max_page_count=4294967294")
        run = await story.ended("user_ada", "kept")
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        await self.fail(story)
        await story.log.close()
        again = LogStory()
        log = SqliteEventLog(path, ManualClock(), asyncio.get_running_loop(), again.publish, again.failed)
        again.tell(log)
        found = await log.find(run.head.thread_id)
        assert found is not None
        assert positions(await again.read(found)) == [1, 2]
        await log.close()


class TestHeads:
    @pytest.fixture(autouse=True)
    def room_for_ten(self, story: LogStory, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(story.log, "_most_heads", 10)

    async def test_heads_without_a_run_are_let_go_the_oldest_first_and_found_again(self, story: LogStory) -> None:
        runs = [await story.ended("user_ada") for _ in range(12)]
        known = [story.log.known(run.head.thread_id) is not None for run in runs]
        assert known == [False, False] + [True] * 10
        found = await story.log.find(runs[0].head.thread_id)
        assert found is not None
        assert found is not runs[0].head
        again = story.run(found)
        story.write(again)
        await story.log.durable(again)
        assert positions(await story.read(found)) == [1, 2]

    async def test_heads_with_a_run_or_with_something_to_commit_are_kept(self, story: LogStory, path: Path) -> None:
        busy = await story.ended()
        busy.head.pin(busy)
        dirty = story.run(story.thread())
        with held(path):
            story.write(dirty)
            for _ in range(20):
                story.thread()
            assert story.log.known(busy.head.thread_id) is busy.head
            assert story.log.known(dirty.head.thread_id) is dirty.head
        await story.log.durable(dirty)

    async def test_heads_that_never_got_an_event_do_not_stay_for_ever(self, story: LogStory) -> None:
        heads = [story.thread() for _ in range(100)]
        assert sum(story.log.known(head.thread_id) is not None for head in heads) <= 11


class TestErasure:
    def anywhere(self, path: Path, secret: bytes) -> list[str]:
        """The files of the store that hold these bytes."""
        return [each.name for each in sorted(path.parent.iterdir()) if secret in each.read_bytes()]

    async def test_deleted_bytes_are_in_no_file_of_the_store(self, story: LogStory, path: Path) -> None:
        secret = b"the-secret-of-user-ada"
        run = story.run(story.thread(title=secret.decode()), key=secret.decode())
        for size in (10, 5_000, 200_000):  # on one page, on overflow pages
            story.write(run, secret.decode() + "x" * size, blobs=[Blob.of(secret + b"x" * size, "text/plain")])
        await story.ended("user_bob", "not deleted")
        await story.log.durable(run)
        assert self.anywhere(path, secret) != []
        await story.log.delete_thread(run.head)
        assert self.anywhere(path, secret) == []
        assert self.anywhere(path, b"not deleted") != []

    async def test_bytes_that_were_written_long_before_are_erased_too(self, story: LogStory, path: Path) -> None:
        secret = b"the-secret-of-user-ada"
        run = story.run(story.thread(), key="k1")
        story.write(run, secret.decode(), blobs=[Blob.of(secret * 100_000, "text/plain")])
        await story.log.durable(run)
        for n in range(30):
            await story.ended("user_bob", "y" * 100_000, str(n))
        await story.log.delete_owner("user_ada")
        assert self.anywhere(path, secret) == []

    async def test_trimmed_bytes_are_erased_too(self, story: LogStory, path: Path) -> None:
        await story.ended("user_ada", "an old word")
        assert await story.log.trim(1 << 60) == 1
        assert self.anywhere(path, b"an old word") == []
