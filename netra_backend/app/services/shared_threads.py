"""Threads that many users' calls share, so that neither a blocking call nor one user's many calls delay another user."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import Any, Final, TypeVar

from ..core.fair_turns import FairTurns

T = TypeVar("T")
_Call = tuple[Future[Any], Callable[[], Any]]


class SharedThreads:
    """At most ``most`` threads of this name, each started when it is first needed. Further calls wait: those of one owner in
    their order, the owners in turn, and the last quarter of the threads is for owners who have none.

    They end with the process, whatever they are doing then: an executor of the standard library waits for its threads, and a
    server with a call that hangs would not end.
    """

    def __init__(self, name: str, most: int) -> None:
        self.most = most
        self._name = name
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._open = 0
        self._calls: FairTurns[_Call] = FairTurns()
        self._changed = threading.Condition()

    async def run(self, owner: str, function: Callable[[], T]) -> T:
        """What ``function`` returns or raises, called for this owner in a thread with a copy of this context.

        If the caller is cancelled, a function that has not begun is not called; one that has begun goes on, because nothing
        can stop a thread, and what it returns is dropped.
        """
        future: Future[T] = Future()
        call = (future, partial(copy_context().run, function))
        with self._changed:
            self._calls.put(owner, call)
            self._open += 1
            if len(self._threads) < min(self._open, self.most):
                self._threads.append(threading.Thread(target=self._work, name=self._name, daemon=True))
                self._threads[-1].start()
            self._changed.notify()
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            with self._changed:
                self._open -= self._calls.withdraw(owner, call)
            raise

    def close(self) -> None:
        """End the threads, and wait for them; they do first what they were brought before."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            owner, (future, call) = taken
            result: Any = None
            fault: BaseException | None = None
            is_wanted = future.set_running_or_notify_cancel()
            try:
                result = call() if is_wanted else None
            except Exception as raised:
                fault = raised
            except BaseException as raised:  # it would end the loop that awaits it, and with it every user's run
                fault = RuntimeError(f"the function raised {type(raised).__name__}")
            if isinstance(fault, StopIteration):  # no coroutine may raise it
                fault = RuntimeError("the function raised StopIteration")
            with self._changed:
                self._open -= 1
                self._calls.leave(owner)
            if is_wanted and fault is None:
                future.set_result(result)
            elif is_wanted:
                future.set_exception(fault)
            del taken, owner, future, call, result, fault  # a thread that waits keeps nobody's data

    def _next(self) -> tuple[str, _Call] | None:
        with self._changed:
            while (taken := self._calls.take(self.most)) is None and not self._closed:
                self._changed.wait()
            return taken


OPERATING: Final = SharedThreads("netra-operating", 2)
"""Those of this process for quick acts of its own and of its operators, such as to store a revocation. Nothing runs here that
users could bring so much of that such an act waits for it, as it might behind the loop's default executor."""
