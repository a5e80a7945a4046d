"""Places that users share are given in turn, and none is lost if somebody stops waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netra_backend.app.services.shared_places import SharedPlaces


def worker(places: SharedPlaces, done: list[str], gate: asyncio.Event) -> Callable[[str], Coroutine[Any, Any, None]]:
    async def work(owner: str) -> None:
        async with places.place(owner):
            await gate.wait()
            done.append(owner)

    return work


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_those_who_wait_have_their_turns_one_of_each_owner() -> None:
    done, gate = list[str](), asyncio.Event()
    work = worker(SharedPlaces(1), done, gate)
    tasks = [asyncio.create_task(work(owner)) for owner in ("ada", "ada", "ada", "bob", "cyd", "bob")]
    await settled()
    gate.set()
    await asyncio.gather(*tasks)
    assert done == ["ada", "ada", "bob", "cyd", "ada", "bob"]


async def test_the_last_quarter_is_there_for_who_has_none() -> None:
    done, gate = list[str](), asyncio.Event()
    places = SharedPlaces(4)
    work = worker(places, done, gate)
    tasks = [asyncio.create_task(work("ada")) for _ in range(6)]
    await settled()
    async with asyncio.timeout(5), places.place("bob"):
        assert done == []
    gate.set()
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("when", ["waiting", "its turn comes", "given", "within"])
async def test_a_place_is_free_again_if_whoever_had_or_wanted_it_is_cancelled(when: str) -> None:
    done, gate = list[str](), asyncio.Event()
    places = SharedPlaces(1)
    work = worker(places, done, gate)

    async def give_way() -> None:
        await work("ada")  # its place is the second's now, who has not noticed yet
        if when == "given":
            second.cancel()

    first = asyncio.create_task(give_way())
    await settled()
    second, third = asyncio.create_task(work("bob")), asyncio.create_task(work("cyd"))
    await settled()
    if when == "within":
        first.cancel()
        await settled()
    if when == "its turn comes":
        gate.set()
    if when != "given":
        second.cancel()
    gate.set()
    await asyncio.wait([first, second])
    await asyncio.wait_for(third, 5)
    async with asyncio.timeout(5), places.place("ada"):
        pass
    assert second.cancelled()
