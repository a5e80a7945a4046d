"""Threads that users share: bounded, in turn, with the caller's context, and never in the way of the loop or of the process's
end."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from netra_backend.app.services.shared_threads import SharedThreads

WORD = ContextVar("WORD", default="")
PATIENCE_S = 20.0


def test_a_function_that_hangs_keeps_no_process_from_ending() -> None:
    program = """
import asyncio, threading
from netra_backend.app.agents.tools.threads import THREADS

async def main():
    begun = threading.Event()
    call = asyncio.ensure_future(THREADS.run("user_ada", lambda: (begun.set(), threading.Event().wait())))
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
    word, thread, ident = await SharedThreads("netra-tool", 1).run("user_ada", look)
    assert (word, thread, WORD.get()) == ("mine", "netra-tool", "mine")
    assert ident != threading.get_ident()


async def test_the_loop_goes_on_while_a_function_blocks() -> None:
    gate = threading.Event()
    call = asyncio.ensure_future(SharedThreads("netra-tool", 1).run("user_ada", lambda: gate.wait(PATIENCE_S)))
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
    threads = SharedThreads("netra-tool", 1)

    def fail() -> None:
        raise raised

    with pytest.raises(seen, match=type(raised).__name__ if seen is RuntimeError else "x"):
        await asyncio.wait_for(threads.run("user_ada", fail), PATIENCE_S)
    assert await threads.run("user_ada", lambda: "still here") == "still here"


async def test_one_that_had_not_begun_when_its_caller_was_cancelled_is_never_called() -> None:
    threads, gate, called = SharedThreads("netra-tool", 1), threading.Event(), list[str]()
    first = asyncio.ensure_future(threads.run("user_ada", lambda: gate.wait(PATIENCE_S)))
    second = asyncio.ensure_future(threads.run("user_ada", lambda: called.append("second")))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.set()
    await first
    await threads.run("user_ada", lambda: called.append("third"))
    assert called == ["third"]


async def test_one_that_had_begun_goes_on_and_its_thread_serves_others_afterwards() -> None:
    threads, begun, gate, ended = SharedThreads("netra-tool", 1), threading.Event(), threading.Event(), list[bool]()

    def work() -> None:
        begun.set()
        ended.append(gate.wait(PATIENCE_S))

    call = asyncio.ensure_future(threads.run("user_ada", work))
    await asyncio.to_thread(begun.wait)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended == []
    gate.set()
    await threads.run("user_ada", lambda: None)
    assert ended == [True]


async def test_there_are_no_more_threads_than_calls_and_never_more_than_the_bound() -> None:
    threads, gate, names = SharedThreads("netra-tool", 2), threading.Event(), set[int]()

    def work() -> None:
        names.add(threading.get_ident())
        if len(names) == 2:  # both are there
            gate.set()
        gate.wait(PATIENCE_S)

    for _ in range(3):
        await threads.run("user_ada", lambda: names.add(threading.get_ident()))
    assert len(names) == 1
    calls = [asyncio.ensure_future(threads.run("user_ada", work)) for _ in range(5)]
    await asyncio.gather(*calls)
    assert len(names) == 2


async def test_a_users_calls_wait_for_no_more_than_one_call_of_each_other_user() -> None:
    threads, begun, gate, done = SharedThreads("netra-tool", 1), threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        gate.wait(PATIENCE_S)

    calls = [asyncio.ensure_future(threads.run("user_ada", work))]
    await asyncio.to_thread(begun.wait)
    owners = ("user_ada", "user_ada", "user_ada", "user_bob", "user_bob", "user_cyd")
    calls += [asyncio.ensure_future(threads.run(owner, partial(done.append, owner[5:]))) for owner in owners]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*calls)
    assert done == ["ada", "bob", "cyd", "ada", "bob", "ada"]


async def test_a_users_calls_that_hang_leave_threads_for_others() -> None:
    threads, gate = SharedThreads("netra-tool", 4), threading.Event()
    calls = [asyncio.ensure_future(threads.run("user_ada", lambda: gate.wait(PATIENCE_S))) for _ in range(9)]
    await asyncio.sleep(0)
    assert await asyncio.wait_for(threads.run("user_bob", lambda: "at once"), PATIENCE_S / 4) == "at once"
    gate.set()
    assert await asyncio.gather(*calls) == [True] * 9


async def test_calls_that_were_cancelled_before_they_began_are_not_kept() -> None:
    threads, gate = SharedThreads("netra-tool", 1), threading.Event()
    first = asyncio.ensure_future(threads.run("user_ada", lambda: gate.wait(PATIENCE_S)))
    await asyncio.sleep(0)
    held = weakref.WeakSet[threading.Event]()
    for _ in range(20):
        mine = threading.Event()
        held.add(mine)
        call = asyncio.ensure_future(threads.run("user_ada", mine.wait))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
    del call, mine
    gc.collect()
    assert len(held) == 0
    gate.set()
    assert await first


async def test_closing_does_what_was_brought_and_ends_the_threads() -> None:
    threads, gate, done = SharedThreads("netra-tool", 1), threading.Event(), list[str]()
    calls: list[asyncio.Future[Any]] = [asyncio.ensure_future(threads.run("user_ada", lambda: gate.wait(PATIENCE_S)))]
    calls += [asyncio.ensure_future(threads.run("user_ada", partial(done.append, name))) for name in "abc"]
    await asyncio.sleep(0)
    gate.set()
    threads.close()
    assert done == ["a", "b", "c"]
    await asyncio.gather(*calls)
