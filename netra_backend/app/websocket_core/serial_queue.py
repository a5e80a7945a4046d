"""One thing after the other: what comes while the one before looks something up waits behind it, so that order is kept."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from ..core.coroutines import resume

_Work = TypeVar("_Work")
Begin = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None] | None]


class SerialQueue(Generic[_Work]):
    """``perform`` makes the coroutine of one piece of work; ``begin`` starts it, and returns no task if it has ended."""

    __slots__ = ("_begin", "_held", "_most", "_perform", "_task")

    def __init__(self, begin: Begin, perform: Callable[[_Work], Coroutine[Any, Any, None]], most: int) -> None:
        self._begin = begin
        self._perform: Callable[[_Work], Coroutine[Any, Any, None]] | None = perform
        self._most = most
        self._task: asyncio.Task[None] | None = None
        self._held: deque[_Work] | None = None  # most queues never hold anything, and an empty one is not small

    def put(self, work: _Work) -> bool:
        """Do it now, or as soon as what came before is done. ``False`` if ``most`` wait already."""
        if self._task is None:
            self._start(work)
        elif self._held is None:
            self._held = deque((work,))
        elif len(self._held) >= self._most:
            return False
        else:
            self._held.append(work)
        return True

    def stop(self) -> None:
        """Cancel what is being done, drop what waits and what comes later, and let go of who performs it."""
        self._held = None
        self._perform = None
        if self._task is not None:
            self._task.cancel()

    def _start(self, work: _Work) -> None:
        task = self._begin(self._perform(work)) if self._perform is not None else None
        if task is not None:
            self._task = task
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        while self._held and self._task is None:
            self._start(self._held.popleft())


def begin(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run a coroutine at once, and make a task of it only if it suspends. ``None`` if it ended before; its exception is raised
    here then.

    What is run this way must not look at ``current_task()`` before its first suspension (``asyncio.timeout`` and
    ``TaskGroup`` do): it is for our own short steps, never for agents or tools.
    """
    try:
        waiting_for = coroutine.send(None)
    except StopIteration:
        return None
    return loop.create_task(_adopt(coroutine, waiting_for))


async def _adopt(coroutine: Coroutine[Any, Any, None], waiting_for: Any) -> None:
    await resume(coroutine, waiting_for)
