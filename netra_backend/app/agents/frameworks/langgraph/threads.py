"""Code of a graph that runs in a thread of its own (``def`` nodes and tools), and its run, which lives on the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")
_Work = tuple[Context, tuple[Any, ...], "asyncio.Future[Any]"]


class BlocksTheLoop(RuntimeError):
    """Code on the loop's own thread asked for what only the loop can do, and would wait for ever."""


def is_on(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the caller is on this loop's thread."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def on_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., T], *given: Any) -> T:
    """``call(*given)`` on the loop's thread, from whichever thread."""
    if is_on(loop):
        return call(*given)

    async def called() -> T:
        return call(*given)

    return asyncio.run_coroutine_threadsafe(called(), loop).result()


def from_thread(
    loop: asyncio.AbstractEventLoop,
    begin: Callable[[Callable[..., Awaitable[Any]]], Coroutine[Any, Any, R]],
    perform: Callable[..., Any],
) -> R:
    """The result of ``begin(body)``, which runs on the loop in the caller's context. If it awaits ``body(…)``, the caller's
    own thread does ``perform(…)``, so that waiting takes no second thread: a pool of them cannot run dry by that.

    Raises ``BlocksTheLoop`` on the loop's own thread.
    """
    if is_on(loop):
        raise BlocksTheLoop(
            "This is called without await in an async function, which would hold up the whole server: "
            "await ainvoke(…) there, or make the function a plain def."
        )
    inbox: SimpleQueue[_Work | None] = SimpleQueue()

    async def body(*given: Any) -> Any:
        answer: asyncio.Future[Any] = loop.create_future()
        inbox.put((copy_context(), given, answer))
        return await answer

    future = asyncio.run_coroutine_threadsafe(begin(body), loop)
    future.add_done_callback(lambda _: inbox.put(None))
    while (work := inbox.get()) is not None:
        context, given, answer = work
        try:
            result = context.run(perform, *given)
        except BaseException as fault:
            loop.call_soon_threadsafe(_settle, answer, None, fault)
        else:
            loop.call_soon_threadsafe(_settle, answer, result, None)
    return future.result()


def _settle(answer: asyncio.Future[Any], result: Any, fault: BaseException | None) -> None:
    if answer.done():  # nobody waits any more
        return
    if fault is None:
        answer.set_result(result)
    elif isinstance(fault, StopIteration):
        answer.set_exception(RuntimeError("StopIteration"))
    else:
        answer.set_exception(fault)
