"""One thing after the other, in the order it came, and never more waiting than there is room for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

import pytest

from netra_backend.app.websocket_core.serial_queue import SerialQueue, begin


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


def queue_of(works: Works, most: int = 10) -> SerialQueue[str]:
    return SerialQueue(partial(begin, asyncio.get_running_loop()), works.perform, most)


async def test_what_does_not_wait_is_done_at_once() -> None:
    works = Works()
    queue = queue_of(works)
    assert queue.put("a")
    assert queue.put("b")
    assert works.done == ["a", "b"]


async def test_what_comes_after_something_that_waits_keeps_its_order(turns: Any) -> None:
    works = Works()
    works.holding("a", "c")
    queue = queue_of(works)
    for name in "abcd":
        assert queue.put(name)
    assert works.done == []
    works.gates["a"].set()
    await turns(8)
    works.gates["c"].set()
    await turns(8)
    assert works.done == ["a", "b", "c", "d"]
    assert queue.put("e")
    assert works.done[-1] == "e"


async def test_no_more_waits_than_there_is_room_for(turns: Any) -> None:
    works = Works()
    works.holding("a")
    queue = queue_of(works, most=2)
    assert [queue.put(name) for name in "abcd"] == [True, True, True, False]
    works.gates["a"].set()
    await turns(8)
    assert works.done == ["a", "b", "c"]


async def test_a_queue_that_is_stopped_does_nothing_more() -> None:
    works = Works()
    works.holding("a")
    queue = queue_of(works)
    queue.put("a")
    queue.put("b")
    await asyncio.sleep(0)
    queue.stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    works.gates["a"].set()
    await asyncio.sleep(0)
    assert works.done == []


async def test_a_queue_of_tasks_begins_nothing_before_the_loop_turns(turns: Any) -> None:
    works = Works()
    queue = SerialQueue(asyncio.get_running_loop().create_task, works.perform, 5)
    queue.put("a")
    queue.put("b")
    assert works.done == []
    await turns(8)
    assert works.done == ["a", "b"]


async def test_what_comes_after_the_stop_is_dropped() -> None:
    works = Works()
    queue = queue_of(works)
    queue.stop()
    assert queue.put("a")
    assert works.done == []


# --- begin ------------------------------------------------------------------------------------------------------------


async def test_what_never_waits_needs_no_task() -> None:
    done: list[str] = []

    async def quick() -> None:
        done.append("quick")

    assert begin(asyncio.get_running_loop(), quick()) is None
    assert done == ["quick"]


async def test_what_waits_goes_on_in_a_task_and_its_result_and_errors_arrive() -> None:
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    seen: list[str] = []

    async def slow() -> None:
        seen.append("begun")
        seen.append(await gate)
        await asyncio.sleep(0)
        raise ValueError("at the end")

    task = begin(asyncio.get_running_loop(), slow())
    assert seen == ["begun"]
    assert task is not None
    gate.set_result("news")
    with pytest.raises(ValueError, match="at the end"):
        await task
    assert seen == ["begun", "news"]


async def test_what_fails_before_it_waits_fails_here() -> None:
    async def broken() -> None:
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once"):
        begin(asyncio.get_running_loop(), broken())


async def test_cancelling_reaches_it_where_it_waits() -> None:
    seen: list[str] = []
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def slow() -> None:
        try:
            await gate
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    task = begin(asyncio.get_running_loop(), slow())
    assert task is not None
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled"]
