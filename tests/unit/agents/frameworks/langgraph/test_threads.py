"""Code in threads and its run on the loop: neither waits for what the other cannot do."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest

from netra_backend.app.agents.frameworks.langgraph.threads import BlocksTheLoop, from_thread, is_on, on_loop

WHERE: ContextVar[str] = ContextVar("where", default="nowhere")


async def test_the_callers_own_thread_does_the_work_in_the_context_that_it_is_asked_in() -> None:
    loop = asyncio.get_running_loop()

    async def begin(body: Any) -> list[Any]:
        assert WHERE.get() == "caller"
        WHERE.set("step")
        return [await body(1), await body(2)]

    def work(number: int) -> tuple[int, str, int]:
        return number, WHERE.get(), threading.get_ident()

    def caller() -> Any:
        WHERE.set("caller")
        return from_thread(loop, begin, work), threading.get_ident()

    done, ident = await asyncio.to_thread(caller)
    assert done == [(1, "step", ident), (2, "step", ident)]


async def test_a_fault_comes_out_where_it_belongs() -> None:
    loop = asyncio.get_running_loop()

    async def begin(body: Any) -> str:
        try:
            await body()
        except KeyError as fault:
            raise ValueError("after") from fault
        return "never"

    def work() -> None:
        raise KeyError("work")

    with pytest.raises(ValueError, match="after"):
        await asyncio.to_thread(from_thread, loop, begin, work)

    def stop() -> None:
        raise StopIteration

    async def passing(body: Any) -> Any:
        return await body()

    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.to_thread(from_thread, loop, passing, stop)


async def test_more_calls_than_threads_come_to_their_end() -> None:
    loop = asyncio.get_running_loop()

    async def begin(body: Any) -> Any:
        await asyncio.sleep(0)
        return await body()

    with ThreadPoolExecutor(1) as pool:
        calls = [loop.run_in_executor(pool, from_thread, loop, begin, lambda: 1) for _ in range(5)]
        assert await asyncio.gather(*calls) == [1] * 5


async def test_a_call_that_nobody_waits_for_any_more_ends() -> None:
    loop = asyncio.get_running_loop()
    begun, go = threading.Event(), threading.Event()

    async def begin(body: Any) -> Any:
        task = asyncio.ensure_future(body())
        await asyncio.to_thread(begun.wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        go.set()
        return "gone on"

    def work() -> None:
        begun.set()
        go.wait()

    assert await asyncio.to_thread(from_thread, loop, begin, work) == "gone on"


async def test_on_the_loops_own_thread_waiting_is_refused_in_words() -> None:
    loop = asyncio.get_running_loop()
    assert is_on(loop)
    assert not await asyncio.to_thread(is_on, loop)
    with pytest.raises(BlocksTheLoop, match="ainvoke"):
        from_thread(loop, None, None)  # type: ignore[arg-type]
    assert on_loop(loop, lambda: 1) == 1
    assert await asyncio.to_thread(on_loop, loop, threading.get_ident) == threading.get_ident()
