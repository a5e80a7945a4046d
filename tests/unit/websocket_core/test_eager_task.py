"""Running a coroutine by hand up to its first suspension."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.websocket_core.eager_task import begin


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
