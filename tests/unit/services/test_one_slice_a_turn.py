"""One slice of long work in each turn of the loop."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from netra_backend.app.services.one_slice_a_turn import OneSliceATurn
from netra_backend.app.services.text_redaction import Sliced


def work(name: str, slices: int, done: list[str]) -> Sliced[str]:
    for _ in range(slices - 1):
        done.append(name)
        yield 1
    done.append(name)
    return name


async def test_what_is_one_slice_is_done_at_once() -> None:
    turns, done = OneSliceATurn(), list[str]()
    with pytest.raises(StopIteration) as ended:
        turns.finish(work("a", 1, done)).send(None)
    assert ended.value.value == "a"


async def test_others_have_their_turn_between_slices_and_who_has_more_work_takes_no_more_of_them() -> None:
    turns, done, ticks = OneSliceATurn(), list[str](), 0
    seen: list[tuple[int, int]] = []

    async def neighbour() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            seen.append((ticks, len(done)))
            await asyncio.sleep(0)

    other = asyncio.create_task(neighbour())
    names = await asyncio.gather(
        *(turns.finish(work(name, slices, done)) for name, slices in (("a", 50), ("b", 5), ("c", 5)))
    )
    other.cancel()
    assert names == ["a", "b", "c"]
    assert len(done) == 60
    assert max(done.index(name, at) for name in "bc" for at in [i for i, n in enumerate(done) if n == name][-1:]) < 20
    later = [(tick, count) for tick, count in seen if count >= 3]
    assert all(after[1] - before[1] <= 1 for before, after in pairwise(later))


async def test_who_is_cancelled_between_slices_lets_the_others_go_on() -> None:
    turns, done = OneSliceATurn(), list[str]()
    first = asyncio.create_task(turns.finish(work("a", 1_000, done)))
    second = asyncio.create_task(turns.finish(work("b", 10, done)))
    for _ in range(8):
        await asyncio.sleep(0)
    assert done.count("a") >= 3
    first.cancel()
    assert await second == "b"
    assert first.cancelled() or first.cancelling()
    assert done.count("a") < 20
