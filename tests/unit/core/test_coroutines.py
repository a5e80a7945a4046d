"""Coroutines that were started by hand."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.core.coroutines import resume


async def test_the_rest_of_a_coroutine_is_awaited_and_its_value_returned() -> None:
    gate: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> int:
        return await gate + 1

    coroutine = work()
    waiting_for = coroutine.send(None)
    gate.set_result(41)
    assert await resume(coroutine, waiting_for) == 42


async def test_cancelling_reaches_the_coroutine_which_may_still_end_with_a_value() -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            await gate
        except asyncio.CancelledError:
            return "cleaned up"
        return "not cancelled"

    coroutine = work()
    waiting_for = coroutine.send(None)
    task = asyncio.ensure_future(_awaited(coroutine, waiting_for))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "cleaned up"


async def test_an_exception_of_the_coroutine_is_raised_where_it_is_awaited() -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await gate
        await asyncio.sleep(0)
        raise LookupError("nothing there")

    coroutine = work()
    waiting_for = coroutine.send(None)
    gate.set_result(None)
    with pytest.raises(LookupError, match="nothing there"):
        await resume(coroutine, waiting_for)


async def _awaited(coroutine: object, waiting_for: object) -> object:
    return await resume(coroutine, waiting_for)  # type: ignore[arg-type]  # any coroutine will do
