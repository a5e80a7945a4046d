"""The shared in-memory log's own: where it waits, and what comes between. Its promises: ``tests/contract``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from netra_backend.app.core.errors import DependencyUnavailable
from test_framework.clock import START_MS, ManualClock
from test_framework.log_story import LogStory, positions
from test_framework.memory.event_log import Pace, at_once
from test_framework.memory.ownership import LEASE_MS
from test_framework.memory.shared_log import MAX_MOVED, SharedMemoryLog
from test_framework.memory.store import MemoryStore
from test_framework.waiting import turns


class Story(LogStory):
    """A log of one process over a store that others share."""

    def __init__(self, store: MemoryStore, process_id: str, clock: ManualClock, pace: Pace = at_once) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self.shared = SharedMemoryLog(store, process_id, clock, loop, self.publish, self.failures.append, pace=pace)
        self.tell(self.shared)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def opened(clock: ManualClock) -> Callable[..., Story]:
    store = MemoryStore()
    return lambda process_id, pace=at_once: Story(store, process_id, clock, pace)


class Untold:
    """A run of ``one`` whose end is stored, which ``one`` is told only when it is not ``slow``; ``two`` shares the store."""

    def __init__(self, opened: Callable[..., Story]) -> None:
        self.slow = False
        self.one: Story = opened("prc_1", self._pace)
        self.two: Story = opened("prc_2")
        self.run = self.one.run(self.one.thread())

    def _pace(self, kind: str) -> float:
        return 60.0 if self.slow and kind == "told" else 0.0

    async def end(self) -> None:
        self.one.write(self.run)
        await self.one.log.durable(self.run)
        self.slow = True
        self.one.write(self.run, ends=True)
        await turns(3)
        assert self.run.head.fence == 1  # it does not know yet that it let go


@pytest.fixture
async def untold(opened: Callable[..., Story]) -> Untold:
    made = Untold(opened)
    await made.end()
    return made


async def test_nobody_is_fenced_off_as_a_whole(opened: Callable[..., Story]) -> None:
    stories = [opened(f"prc_{n}") for n in range(3)]
    for story in stories:
        await story.ended()
    assert [len(story.published) for story in stories] == [1, 1, 1]


async def test_a_lease_is_renewed_until_the_process_ends(opened: Callable[..., Story], clock: ManualClock) -> None:
    one, two = opened("prc_1"), opened("prc_2")
    run = one.run(one.thread())
    one.write(run)
    await one.log.durable(run)
    for _ in range(3):
        clock.advance(ms=LEASE_MS - 1)
        one.shared.renew()
        assert await two.log.take_over(9) == []
    one.shared.abandon()
    one.shared.renew()
    clock.advance(ms=LEASE_MS)
    assert len(await two.log.take_over(9)) == 1


async def test_what_is_appended_between_the_end_of_a_run_and_its_telling_keeps_the_thread(untold: Untold) -> None:
    one, two, run = untold.one, untold.two, untold.run
    untold.slow = False
    later = one.run(run.head)
    one.write(later)
    await turns(3)
    head = await two.log.find(run.head.thread_id)
    assert head is not None
    assert (head.top, positions(await two.read(head))) == (3, [1, 2, 3])
    assert await two.log.take_over(9) == []


async def test_a_head_that_somebody_else_made_in_the_meantime_is_not_held(opened: Callable[..., Story]) -> None:
    one = opened("prc_1")
    run = await one.ended()
    stale = run.head
    one.log.forget(stale.thread_id)
    fresh = await one.log.find(stale.thread_id)
    assert fresh is not stale
    with pytest.raises(DependencyUnavailable, match="being handed over"):
        await one.log.acquire(stale)


async def test_a_thread_that_was_never_stored_has_nothing_to_be_held(opened: Callable[..., Story]) -> None:
    one = opened("prc_1")
    head = one.thread()
    await one.log.release([head])
    assert await one.log.acquire(head) == []
    assert await one.log.find(head.thread_id) is head
    assert head.fence == 0


async def test_a_wait_that_was_given_up_is_not_told_of_a_refusal(
    opened: Callable[..., Story], clock: ManualClock
) -> None:
    one, two = opened("prc_1"), opened("prc_2")
    run = one.run(one.thread())
    one.write(run)
    await one.log.durable(run)
    clock.advance(ms=LEASE_MS)
    two.shared.renew()
    await two.log.take_over(9)
    other = one.run(one.thread("user_bob"))
    one.write(run)
    one.write(other)
    waits = [asyncio.create_task(one.log.durable(each)) for each in (run, run, other)]
    await asyncio.sleep(0)
    waits[0].cancel()
    results = await asyncio.gather(*waits, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError, DependencyUnavailable, type(None)]
    assert run.ended


async def test_what_moved_is_bounded(opened: Callable[..., Story]) -> None:
    one = opened("prc_1")
    runs = [one.run(one.thread()) for _ in range(MAX_MOVED + 1)]
    for run in runs:
        one.write(run, ends=True)
    await one.log.durable(runs[-1])
    assert len(await one.log.moved(["user_ada"], 0)) == MAX_MOVED


async def test_what_is_held_elsewhere_is_kept_when_old_threads_are_trimmed(
    opened: Callable[..., Story], clock: ManualClock
) -> None:
    one, two = opened("prc_1"), opened("prc_2")
    held = one.run(one.thread())
    one.write(held)
    await one.log.durable(held)
    old = await two.ended("user_bob")
    clock.advance(ms=1000)
    await two.log.trim(START_MS + 1000)
    found = [await two.log.find(run.head.thread_id) for run in (held, old)]
    assert [head.owner for head in found if head is not None] == ["user_ada", ""]
    assert await two.log.trim(START_MS) == 0


async def test_who_let_go_knows_it_also_where_another_has_taken_hold_before_it_is_told(untold: Untold) -> None:
    one, two, run = untold.one, untold.two, untold.run
    head = await two.log.find(run.head.thread_id)
    assert head is not None
    await two.log.acquire(head)
    two.write(later := two.run(head))
    await two.log.durable(later)
    one.shared._tell()
    assert (run.head.durable, run.head.fence) == (2, 0)
