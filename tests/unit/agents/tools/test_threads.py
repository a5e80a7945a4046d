"""Threads of tools: bounded, with the caller's context, and never in the way of the loop or of the process's end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from netra_backend.app.agents.tools.threads import ToolThreads

WORD = ContextVar("WORD", default="")
PATIENCE_S = 20.0


def test_a_function_that_hangs_keeps_no_process_from_ending() -> None:
    program = """
import asyncio, threading
from netra_backend.app.agents.tools.threads import THREADS

async def main():
    begun = threading.Event()
    call = asyncio.ensure_future(THREADS.run(lambda: (begun.set(), threading.Event().wait())))
    await asyncio.to_thread(begun.wait)
    call.cancel()

asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=PATIENCE_S).returncode == 0


async def test_it_is_called_in_another_thread_with_a_copy_of_the_context() -> None:
    def look() -> tuple[str, str, int]:
        found = WORD.get()
        WORD.set("changed")
        return found, threading.current_thread().name, threading.get_ident()

    WORD.set("mine")
    word, thread, ident = await ToolThreads().run(look)
    assert (word, thread, WORD.get()) == ("mine", "netra-tool", "mine")
    assert ident != threading.get_ident()


async def test_the_loop_goes_on_while_a_function_blocks() -> None:
    gate = threading.Event()
    call = asyncio.ensure_future(ToolThreads().run(lambda: gate.wait(PATIENCE_S)))
    await asyncio.sleep(0)
    gate.set()  # nobody else could
    assert await call is True


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (KeyError("x"), KeyError),
        (StopIteration(), RuntimeError),
        (SystemExit(3), RuntimeError),
        (KeyboardInterrupt(), RuntimeError),
    ],
)
async def test_what_it_raises_is_raised_to_the_caller_and_ends_nothing_else(
    raised: BaseException, seen: type[BaseException]
) -> None:
    threads = ToolThreads(1)

    def fail() -> None:
        raise raised

    with pytest.raises(seen, match=type(raised).__name__ if seen is RuntimeError else "x"):
        await asyncio.wait_for(threads.run(fail), PATIENCE_S)
    assert await threads.run(lambda: "still here") == "still here"


async def test_one_that_had_not_begun_when_its_caller_was_cancelled_is_never_called() -> None:
    threads, gate, called = ToolThreads(1), threading.Event(), list[str]()
    first = asyncio.ensure_future(threads.run(lambda: gate.wait(PATIENCE_S)))
    second = asyncio.ensure_future(threads.run(lambda: called.append("second")))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.set()
    await first
    await threads.run(lambda: called.append("third"))
    assert called == ["third"]


async def test_one_that_had_begun_goes_on_and_its_thread_serves_others_afterwards() -> None:
    threads, begun, gate, ended = ToolThreads(1), threading.Event(), threading.Event(), list[bool]()

    def work() -> None:
        begun.set()
        ended.append(gate.wait(PATIENCE_S))

    call = asyncio.ensure_future(threads.run(work))
    await asyncio.to_thread(begun.wait)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended == []
    gate.set()
    await threads.run(lambda: None)
    assert ended == [True]


async def test_there_are_no_more_threads_than_calls_and_never_more_than_the_bound() -> None:
    threads, gate, names = ToolThreads(2), threading.Event(), set[int]()

    def work() -> None:
        names.add(threading.get_ident())
        gate.wait(PATIENCE_S)

    for _ in range(3):
        await threads.run(lambda: names.add(threading.get_ident()))
    assert len(names) == 1
    calls = [asyncio.ensure_future(threads.run(work)) for _ in range(5)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*calls)
    assert len(names) == 2
