"""Threads for tools that are plain functions, so that a blocking tool delays no other user."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from ...core.limits import USUAL

T = TypeVar("T")


class ToolThreads:
    """At most ``most`` threads, each started when it is first needed; further calls wait, within their tool's time limit.

    They end with the process, whatever they are doing then: an executor of the standard library waits for its threads, and a
    server with a tool that hangs would not end.
    """

    def __init__(self, most: int = USUAL.process_tool_threads) -> None:
        self.most = most
        self._threads = 0
        self._open = 0
        self._lock = threading.Lock()
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()

    async def run(self, function: Callable[[], T]) -> T:
        """What ``function`` returns or raises, called in a thread with a copy of this context.

        If the caller is cancelled, a function that has not begun is not called; one that has begun goes on, because nothing
        can stop a thread, and what it returns is dropped.
        """
        future: Future[T] = Future()
        self._calls.put((future, partial(copy_context().run, function)))
        with self._lock:
            self._open += 1
            starts = self._threads < min(self._open, self.most)
            self._threads += starts
        if starts:
            threading.Thread(target=self._work, name="netra-tool", daemon=True).start()
        return await asyncio.wrap_future(future)

    def _work(self) -> None:
        while True:
            future, call = self._calls.get()
            if not future.set_running_or_notify_cancel():
                self._close()
                continue
            result: Any = None
            fault: BaseException | None = None
            try:
                result = call()
            except Exception as raised:
                fault = raised
            except BaseException as raised:  # it would end the loop that awaits it, and with it every user's run
                fault = RuntimeError(f"the function raised {type(raised).__name__}")
            if isinstance(fault, StopIteration):  # no coroutine may raise it
                fault = RuntimeError("the function raised StopIteration")
            self._close()
            if fault is None:
                future.set_result(result)
            else:
                future.set_exception(fault)
            del future, call, result, fault  # a thread that waits keeps nobody's data

    def _close(self) -> None:
        with self._lock:
            self._open -= 1


THREADS: Final = ToolThreads()
"""Those of this process: the composition root says how many."""
