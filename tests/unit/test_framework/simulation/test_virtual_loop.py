"""The virtual loop: asyncio as it is, but nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from test_framework.clock import START_MS
from test_framework.simulation.virtual_loop import NothingWillHappen, VirtualClock, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.close()


def test_a_year_passes_at_once_and_in_order(loop: VirtualLoop) -> None:
    happened: list[tuple[float, str]] = []

    async def wait(seconds: float, name: str) -> None:
        await loop_wait(seconds)
        happened.append((loop.time(), name))

    async def loop_wait(seconds: float) -> None:
        done = loop.create_future()
        loop.call_later(seconds, done.set_result, None)
        await done

    async def both() -> None:
        await asyncio.gather(wait(86_400.0 * 365, "year"), wait(1.5, "moment"))

    loop.run_until_complete(both())
    assert happened == [(1.5, "moment"), (86_400.0 * 365, "year")]


def test_timeouts_work_in_virtual_time(loop: VirtualLoop) -> None:
    async def too_long() -> None:
        async with asyncio.timeout(3.0):
            await loop.create_future()

    with pytest.raises(TimeoutError):
        loop.run_until_complete(too_long())
    assert loop.time() == 3.0


def test_waiting_for_nothing_is_told_instead_of_hanging(loop: VirtualLoop) -> None:
    async def for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(NothingWillHappen):
        loop.run_until_complete(for_ever())


def test_the_clock_is_the_loops(loop: VirtualLoop) -> None:
    clock = VirtualClock(loop)
    assert (clock.monotonic(), clock.now_ms()) == (0.0, START_MS)
    loop.call_later(2.5, loop.stop)
    loop.run_forever()
    assert (clock.monotonic(), clock.now_ms()) == (2.5, START_MS + 2500)
