"""The bus in memory beyond what every bus promises: it loses and delays what a test wants lost or late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from netra_backend.app.core.history import Chunk, RunRecord, ThreadHead
from test_framework.memory.bus import MAX_UNDER_WAY, MemoryBus, MemoryHub
from test_framework.waiting import until


def chunk(first: int, owner: str = "user_ada") -> Chunk:
    made = Chunk(RunRecord(ThreadHead(owner, "thr_1", "e", 1), "run_1", "req_1", "a", None, "UTC", 0), first)
    made.frames = [b"{}"]
    return made


class Ear:
    """Keeps the positions that are heard."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def __call__(self, owner: str, thread_id: str, epoch: str, first: int, frames: Sequence[bytes]) -> None:
        self.heard.append(first)


async def test_a_message_is_lost_or_late_as_the_pace_says_it() -> None:
    paces = iter([0.002, None, 0.0])
    hub, ear = MemoryHub(asyncio.get_running_loop(), lambda: next(paces)), Ear()
    one, two = MemoryBus(hub, ear), MemoryBus(hub, ear)
    two.follow("user_ada")
    one.publish([chunk(1), chunk(2), chunk(3)])
    await until(lambda: len(ear.heard) == 2)
    assert ear.heard == [3, 1]
    assert hub.lost == 1


async def test_a_hub_that_is_down_loses_what_is_under_way_and_says_that_it_is_not_connected() -> None:
    hub, ear = MemoryHub(asyncio.get_running_loop()), Ear()
    one, two = MemoryBus(hub, ear), MemoryBus(hub, ear)
    two.follow("user_ada")
    one.publish([chunk(1)])
    hub.up = False
    assert not one.connected
    one.publish([chunk(2)])
    await until(lambda: hub.lost == 2)
    hub.up = True
    one.publish([chunk(3)])
    await until(lambda: ear.heard)
    assert ear.heard == [3]


async def test_more_than_there_is_room_for_is_lost() -> None:
    hub, ear = MemoryHub(asyncio.get_running_loop()), Ear()
    one, two = MemoryBus(hub, ear), MemoryBus(hub, ear)
    two.follow("user_ada")
    one.publish([chunk(first) for first in range(MAX_UNDER_WAY + 2)])
    assert hub.lost == 2


async def test_what_left_hears_nothing_any_more() -> None:
    hub, ear = MemoryHub(asyncio.get_running_loop()), Ear()
    one, two = MemoryBus(hub, ear), MemoryBus(hub, ear)
    two.follow("user_ada")
    one.publish([chunk(1)])
    await two.close()
    one.publish([chunk(2)])
    await until(lambda: hub.lost)
    assert ear.heard == []
