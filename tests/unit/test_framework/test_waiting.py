"""Waiting for what sets no event."""

from __future__ import annotations

import asyncio

import pytest

from test_framework import waiting
from test_framework.waiting import turns, until


async def test_what_a_condition_gives_is_told_once_it_holds() -> None:
    found: list[str] = []
    asyncio.get_running_loop().call_soon(found.append, "it")
    assert await until(lambda: found) == ["it"]


async def test_what_never_holds_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.0)
    with pytest.raises(TimeoutError):
        await until(lambda: False)


async def test_others_go_on_so_many_times() -> None:
    rounds = 0

    async def go_on() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    going = asyncio.create_task(go_on())
    await turns(3)
    assert rounds == 3
    going.cancel()
