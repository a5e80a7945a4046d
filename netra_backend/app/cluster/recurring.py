"""Work that is done again and again: on the loop, one piece at a time, and on after a fault."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from ..core.errors import NetraError

_LOG: Final = logging.getLogger("netra.fleet")


class PeriodicTask:
    """``work``, whose turn comes every ``every_s`` seconds. ``trouble`` is what the operator reads where it fails."""

    def __init__(self, work: Callable[[], Awaitable[object]], every_s: float, trouble: str) -> None:
        self._work = work
        self._every_s = every_s
        self._trouble = trouble
        self._next = float("-inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def is_going_on(self) -> bool:
        """Whether a piece of it has begun and not ended."""
        return self._task is not None

    def take_turn(self, now: float) -> bool:
        """Take the turn whose time has come (``now`` in seconds, monotonic); whether there was one."""
        if now < self._next:
            return False
        self._next = now + self._every_s
        return True

    def begin(self) -> None:
        """Do it, in a task of its own. Not to be called while it goes on."""
        self._task = asyncio.get_running_loop().create_task(self._guarded())

    async def _guarded(self) -> None:
        try:
            await self._work()
        except NetraError as fault:
            _LOG.warning("%s: %s", self._trouble, fault)
        except Exception:
            _LOG.exception(self._trouble)
        finally:
            self._task = None

    async def close(self) -> None:
        """End what goes on; no turn comes again."""
        self._next = float("inf")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
