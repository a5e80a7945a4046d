"""One thing after the other: what comes while the one before looks something up waits behind it, so that order is kept."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

_Work = TypeVar("_Work")
Begin = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None] | None]


class SerialQueue(Generic[_Work]):
    """``perform`` makes the coroutine of one piece of work; ``begin`` starts it, and gives no task where it has ended."""

    __slots__ = ("_begin", "_held", "_most", "_perform", "_task")

    def __init__(self, begin: Begin, perform: Callable[[_Work], Coroutine[Any, Any, None]], most: int) -> None:
        self._begin = begin
        self._perform: Callable[[_Work], Coroutine[Any, Any, None]] | None = perform
        self._most = most
        self._task: asyncio.Task[None] | None = None
        self._held: deque[_Work] = deque()

    def put(self, work: _Work) -> bool:
        """Do it now, or as soon as what came before is done. ``False`` where ``most`` wait already."""
        if self._task is None:
            self._go(work)
        elif len(self._held) >= self._most:
            return False
        else:
            self._held.append(work)
        return True

    def stop(self) -> None:
        """Cancel what is being done, drop what waits and what comes later, and let go of who performs it."""
        self._held.clear()
        self._perform = None
        if self._task is not None:
            self._task.cancel()

    def _go(self, work: _Work) -> None:
        task = self._begin(self._perform(work)) if self._perform is not None else None
        if task is not None:
            self._task = task
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        while self._held and self._task is None:
            self._go(self._held.popleft())
