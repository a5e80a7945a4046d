"""Looks for runs that nobody holds, and goes on with them where there is room."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from ..core.errors import NetraError
from ..services.colleagues import Colleagues
from ..turn import Turns

_LOG: Final = logging.getLogger("netra.fleet")
EVERY_S: Final = 5.0


class Takeover:
    """Looks at the start, every few seconds, and at once when runs are offered. ``tick`` is called about every second."""

    def __init__(self, turns: Turns, colleagues: Colleagues) -> None:
        self._turns = turns
        self._colleagues = colleagues
        self._next = float("-inf")
        self._again = False
        self._look: asyncio.Task[None] | None = None

    def tick(self, now: float) -> None:
        """Some time has passed (``now`` in seconds, monotonic)."""
        if now >= self._next:
            self._next = now + EVERY_S
            self.work()

    def work(self) -> None:
        """There are runs that nobody holds."""
        if self._look is not None:
            self._again = True
        else:
            self._look = asyncio.get_running_loop().create_task(self._looking())

    async def _looking(self) -> None:
        self._again = True
        try:
            while self._again:
                self._again = False
                await self._colleagues.look()
                await self._turns.take_over()
        except NetraError as error:
            _LOG.warning("no look for runs that nobody holds: %s", error)
        except Exception:
            _LOG.exception("no look for runs that nobody holds")
        finally:
            self._look = None

    async def close(self) -> None:
        """Look no more."""
        self._next = float("inf")
        if self._look is not None:
            self._look.cancel()
            await asyncio.gather(self._look, return_exceptions=True)
