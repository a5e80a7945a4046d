"""A lane: one thing after the other, in the order it came, never more waiting than it has room for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from netra_backend.app.websocket_core.eager_task import begin
from netra_backend.app.websocket_core.serial_queue import SerialQueue


class Works:
    """Work that waits until it is let go; ``done`` has what ended, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    def perform(self, name: str) -> Coroutine[Any, Any, None]:
        async def work() -> None:
            if name in self.gates:
                await self.gates[name].wait()
            self.done.append(name)

        return work()

    def holding(self, *names: str) -> None:
        self.gates.update((name, asyncio.Event()) for name in names)


def lane_of(works: Works, most: int = 10) -> SerialQueue[str]:
    return SerialQueue(partial(begin, asyncio.get_running_loop()), works.perform, most)


async def test_what_does_not_wait_is_done_at_once() -> None:
    works = Works()
    lane = lane_of(works)
    assert lane.put("a")
    assert lane.put("b")
    assert works.done == ["a", "b"]


async def test_what_comes_after_something_that_waits_keeps_its_order(turns: Any) -> None:
    works = Works()
    works.holding("a", "c")
    lane = lane_of(works)
    for name in "abcd":
        assert lane.put(name)
    assert works.done == []
    works.gates["a"].set()
    await turns(8)
    works.gates["c"].set()
    await turns(8)
    assert works.done == ["a", "b", "c", "d"]
    assert lane.put("e")
    assert works.done[-1] == "e"


async def test_no_more_waits_than_there_is_room_for(turns: Any) -> None:
    works = Works()
    works.holding("a")
    lane = lane_of(works, most=2)
    assert [lane.put(name) for name in "abcd"] == [True, True, True, False]
    works.gates["a"].set()
    await turns(8)
    assert works.done == ["a", "b", "c"]


async def test_a_lane_that_is_stopped_does_nothing_more() -> None:
    works = Works()
    works.holding("a")
    lane = lane_of(works)
    lane.put("a")
    lane.put("b")
    await asyncio.sleep(0)
    lane.stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    works.gates["a"].set()
    await asyncio.sleep(0)
    assert works.done == []


async def test_a_lane_of_tasks_begins_nothing_before_the_loop_turns(turns: Any) -> None:
    works = Works()
    lane = SerialQueue(asyncio.get_running_loop().create_task, works.perform, 5)
    lane.put("a")
    lane.put("b")
    assert works.done == []
    await turns(8)
    assert works.done == ["a", "b"]


async def test_what_comes_after_the_stop_is_dropped() -> None:
    works = Works()
    lane = lane_of(works)
    lane.stop()
    assert lane.put("a")
    assert works.done == []
