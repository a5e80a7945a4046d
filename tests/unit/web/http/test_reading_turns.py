"""Those that wait for a turn of the loop go on one in each, in their order."""

from __future__ import annotations

import asyncio

from netra_backend.app.web.http.reading_turns import ReadingTurns


async def test_one_goes_on_in_each_turn_in_the_order_in_which_they_came() -> None:
    loop, turns = asyncio.get_running_loop(), ReadingTurns()
    went_on: list[str] = []

    def again() -> None:
        went_on.append("a")
        if went_on.count("a") < 3:
            turns.wait(loop, again)

    turns.wait(loop, again)
    for name in ("b", "c"):
        turns.wait(loop, lambda name=name: went_on.append(name))  # type: ignore[misc]
    lengths = []
    while len(went_on) < 5:
        await asyncio.sleep(0)
        lengths.append(len(went_on))
    assert went_on == ["a", "b", "c", "a", "a"]
    assert lengths == [1, 2, 3, 4, 5]


async def test_who_comes_when_nobody_waits_goes_on_in_the_next_turn() -> None:
    loop, turns = asyncio.get_running_loop(), ReadingTurns()
    for _ in range(2):
        went_on = asyncio.Event()
        turns.wait(loop, went_on.set)
        assert not went_on.is_set()
        await asyncio.sleep(0)
        assert went_on.is_set()
