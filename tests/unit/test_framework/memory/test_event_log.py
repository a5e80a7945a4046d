"""The in-memory log's own: its pace, its failures, its fence and its sudden end. Its promises: ``tests/contract``."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.core.errors import DependencyUnavailable
from test_framework.clock import ManualClock
from test_framework.log_story import LogStory, positions
from test_framework.memory.event_log import MemoryEventLog, Pace, at_once
from test_framework.memory.store import FencedOff, MemoryStore


def opened(story: LogStory, store: MemoryStore, pace: Pace = at_once, **more: int) -> LogStory:
    loop = asyncio.get_running_loop()
    story.tell(MemoryEventLog(store, ManualClock(), loop, story.publish, story.failed, pace=pace, **more))
    return story


async def test_a_log_that_was_taken_over_fails_at_its_next_commit_and_stores_nothing() -> None:
    store = MemoryStore()
    old, new = opened(LogStory(), store), opened(LogStory(), store)
    run = old.run(old.thread())
    old.write(run)
    with pytest.raises(DependencyUnavailable):
        await old.log.durable(run)
    assert [type(failure) for failure in old.failures] == [FencedOff]
    assert (old.log.failed, new.log.failed, store.threads, old.published) == (True, False, {}, [])


async def test_a_commit_that_fails_fails_everything_that_waits_once_and_for_ever() -> None:
    def failing(kind: str) -> float:
        if kind == "commit":
            raise OSError("no space")
        return 0.0

    story = opened(LogStory(), MemoryStore(), failing)
    run = story.run(story.thread())
    story.write(run)
    with pytest.raises(DependencyUnavailable):
        await story.log.durable(run)
    with pytest.raises(DependencyUnavailable):
        await story.log.rename(run.head, "t")
    with pytest.raises(DependencyUnavailable):
        story.write(story.run(run.head))
    with pytest.raises(DependencyUnavailable):
        await story.log.durable(run)
    assert len(story.failures) == 1
    assert story.published == []
    await story.log.close()


async def test_a_log_that_is_abandoned_stores_and_tells_nothing_more() -> None:
    store = MemoryStore()
    paces = iter([0.0] * 3 + [60.0] * 9)
    story = opened(LogStory(), store, lambda _: next(paces))
    first = await story.ended()
    story.write(later := story.run(first.head))
    await asyncio.sleep(0)
    log = story.log
    assert isinstance(log, MemoryEventLog)
    log.abandon()
    with pytest.raises(DependencyUnavailable):
        story.write(later)
    assert (store.threads[first.head.thread_id].top, len(story.published)) == (1, 1)
    again = opened(LogStory(), store)
    head = await again.log.find(first.head.thread_id)
    assert head is not None
    assert positions(await again.read(head)) == [1]


async def test_what_was_stored_and_not_told_is_found_by_the_next_process() -> None:
    store = MemoryStore()
    story = opened(LogStory(), store, lambda kind: 60.0 if kind == "told" else 0.0)
    run = story.run(story.thread(), key="k")
    story.write(run)
    for _ in range(4):  # the turns of the loop from an append to its commit
        await asyncio.sleep(0)
    assert story.published == []
    again = opened(LogStory(), store)
    assert [found.run_id for found in await again.log.take_over(9)] == [run.run_id]
    assert (await again.log.request("user_ada", "k", 0)) is not None


async def test_pages_are_as_small_as_asked_for() -> None:
    story = opened(LogStory(), MemoryStore(), page_events=3, page_bytes=100_000)
    run = story.run(story.thread())
    for _ in range(7):
        story.write(run)
    await story.log.durable(run)
    assert [len(page) async for page in story.log.pages(run.head, 0, 7)] == [3, 3, 1]
    tight = opened(LogStory(), MemoryStore(), page_bytes=1)
    run = tight.run(tight.thread())
    tight.write(run), tight.write(run)
    await tight.log.durable(run)
    assert [len(page) async for page in tight.log.pages(run.head, 0, 2)] == [1, 1]
    assert [page async for page in tight.log.pages(tight.thread(), 0, 2)] == []
