"""What every bus promises (``ports.Bus``) while nothing goes wrong: one suite over all adapters."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from netra_backend.app.adapters.process.clock import SystemEntropy
from netra_backend.app.adapters.redis.bus import RedisBus
from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead
from netra_backend.app.ports import Bus
from test_framework.ids import new_id
from test_framework.memory.bus import MemoryBus, MemoryHub

PATIENCE_S = 20
MARK = "mark"
Join = Callable[[], Awaitable["Process"]]


class Process:
    """One end of a bus, and what it heard: (owner, thread, epoch, first, frames). ``marks`` are heard apart."""

    bus: Bus

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str, int, tuple[bytes, ...]]] = []
        self.marks: set[tuple[str, int]] = set()

    def hear(self, owner: str, thread_id: str, epoch: str, first: int, frames: Sequence[bytes]) -> None:
        if epoch == MARK:
            self.marks.add((owner, first))
        else:
            self.heard.append((owner, thread_id, epoch, first, tuple(frames)))

    async def until(self, count: int) -> None:
        """So many messages were heard."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.heard) < count:  # noqa: ASYNC110  # what is awaited sets no event
                await asyncio.sleep(0)


@pytest.fixture(params=["memory", "redis"])
async def join(request: pytest.FixtureRequest) -> AsyncIterator[Join]:
    """Makes one more process on the same bus."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        hub = MemoryHub(loop)
        namespace = new_id("bus")

        def redis_bus(process: Process) -> RedisBus:
            url = request.getfixturevalue("redis_service").url
            made = RedisBus(url, process.hear, loop, SystemEntropy(), namespace=namespace, key=b"of this test")
            made.start()
            return made

        async def joined() -> Process:
            process = Process()
            bus: Any = MemoryBus(hub, process.hear) if request.param == "memory" else redis_bus(process)
            stack.push_async_callback(bus.close)
            process.bus = bus
            async with asyncio.timeout(PATIENCE_S):
                while not bus.connected:  # noqa: ASYNC110  # what is awaited sets no event
                    await asyncio.sleep(0)
            return process

        yield joined


def chunk(owner: str, first: int, *frames: bytes) -> Chunk:
    head = ThreadHead(owner, f"thr_{owner}", f"epoch_{owner}", 1)
    made = Chunk(RunRecord(head, "run_1", "req_1", "a", None, "UTC", 0), first)
    made.frames = list(frames or (b'{"seq":%d}' % first,))
    return made


def mark(owner: str, number: int) -> Chunk:
    made = chunk(owner, number)
    made.head.epoch = MARK
    return made


async def follow(listener: Process, speaker: Process, *owners: str) -> None:
    """Follow these owners, and wait until that is so: of a bus nobody knows but by hearing something."""
    for owner in owners:
        listener.bus.follow(owner)
    number = random.randrange(2**40, 2**50)
    async with asyncio.timeout(PATIENCE_S):
        while not {(owner, number) for owner in owners} <= listener.marks:
            speaker.bus.publish([mark(owner, number) for owner in owners])
            for _ in range(50):
                await asyncio.sleep(0)


async def marked(listener: Process, speaker: Process, owner: str) -> None:
    """Wait for a mark that is published now: everything of before was heard then, or never will be."""
    number = random.randrange(2**40, 2**50)
    speaker.bus.publish([mark(owner, number)])
    async with asyncio.timeout(PATIENCE_S):
        while (owner, number) not in listener.marks:  # noqa: ASYNC110  # what is awaited sets no event
            await asyncio.sleep(0)


async def test_what_is_published_is_heard_whole_by_each_process_that_follows_its_owner(join: Join) -> None:
    speaker, one, two = await join(), await join(), await join()
    for listener in (one, two):
        await follow(listener, speaker, "user_ada")
    frames = ('{"text":"é\U0001f600\\n"}'.encode(), b"{}", b'{"seq":9}')
    speaker.bus.publish([chunk("user_ada", 7, *frames)])
    for listener in (one, two):
        await listener.until(1)
        assert listener.heard == [("user_ada", "thr_user_ada", "epoch_user_ada", 7, frames)]


async def test_nobody_hears_of_an_owner_whom_they_do_not_follow(join: Join) -> None:
    speaker, listener = await join(), await join()
    await follow(listener, speaker, "user_ada")
    speaker.bus.publish([chunk("user_bob", 1), chunk("user_adams", 1), chunk("user_ad", 1), chunk("user_ada", 2)])
    await listener.until(1)
    await marked(listener, speaker, "user_ada")
    assert [heard[0] for heard in listener.heard] == ["user_ada"]


async def test_a_process_does_not_hear_itself(join: Join) -> None:
    speaker, listener = await join(), await join()
    for one, other in ((speaker, listener), (listener, speaker)):
        await follow(one, other, "user_ada")
    speaker.bus.publish([chunk("user_ada", 1)])
    await listener.until(1)
    await marked(speaker, listener, "user_ada")
    assert speaker.heard == []


async def test_whoever_stops_following_hears_no_more(join: Join) -> None:
    speaker, listener = await join(), await join()
    await follow(listener, speaker, "user_ada", "user_bob")
    listener.bus.unfollow("user_ada")
    listener.bus.unfollow("user_nobody")
    speaker.bus.publish([chunk("user_ada", 1), chunk("user_bob", 1)])
    await marked(listener, speaker, "user_bob")
    assert [heard[0] for heard in listener.heard] == ["user_bob"]
    await follow(listener, speaker, "user_ada")


async def test_what_one_process_says_is_heard_in_its_order(join: Join, rng: random.Random) -> None:
    speaker, listener = await join(), await join()
    await follow(listener, speaker, "user_ada")
    for first in range(1, 2001):
        speaker.bus.publish([chunk("user_ada", first, b'{"text":"%b"}' % (b"x" * rng.randrange(300)))])
        if rng.random() < 0.05:
            await asyncio.sleep(0)
    await listener.until(2000)
    assert [heard[3] for heard in listener.heard] == list(range(1, 2001))


async def test_a_thousand_owners_are_followed_at_once(join: Join) -> None:
    speaker, listener = await join(), await join()
    owners = [f"user_{number}" for number in range(1200)]
    await follow(listener, speaker, *owners)
    speaker.bus.publish([chunk(owner, 5) for owner in owners])
    await listener.until(1200)
    assert sorted(heard[0] for heard in listener.heard) == sorted(owners)


async def test_the_largest_chunk_is_carried(join: Join) -> None:
    speaker, listener = await join(), await join()
    await follow(listener, speaker, "user_ada")
    frames = [b'{"text":"%b"}' % (b"x" * 262_000), b'{"text":"%b"}' % (b"y" * 524_000)]
    speaker.bus.publish([chunk("user_ada", 1, *frames)])
    await listener.until(1)
    assert listener.heard[0][4] == tuple(frames)


async def test_nothing_that_is_published_waits_or_raises_without_listeners(join: Join) -> None:
    speaker = await join()
    speaker.bus.publish([])
    speaker.bus.publish([chunk("user_ada", 1, b'{"text":"%b"}' % (b"x" * 100_000))] * 500)
    assert speaker.bus.connected
