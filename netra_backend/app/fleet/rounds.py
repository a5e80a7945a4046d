"""What one process among others does from time to time: look for runs that nobody holds, say what its users hold, and read
again what it may not have heard of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from ..core.errors import NetraError
from ..core.limits import Quotas
from ..ports import Presence
from ..services.revocations import Revocations
from .takeover import Takeover

_LOG: Final = logging.getLogger("netra.fleet")
EXCHANGE_S: Final = 1.0
RELOAD_S: Final = 20.0
"""A revocation that was told to all and not heard here is known so much later, well within the promised half a minute."""


class Rounds:
    """``tick`` is called about every second; it never waits."""

    def __init__(self, takeover: Takeover, revocations: Revocations, quotas: Quotas, presence: Presence | None) -> None:
        self._takeover = takeover
        self._quotas = quotas
        self._presence = presence
        self._duties = [_Duty("revocations cannot be read", revocations.load, RELOAD_S)]
        if presence is not None:
            self._duties.append(_Duty("limits are not shared", self._exchange, EXCHANGE_S))
        self.sharing = presence is not None
        """Whether limits are counted over all processes at this moment."""

    def tick(self, now: float) -> None:
        """Some time has passed (``now`` in seconds, monotonic)."""
        self._takeover.tick(now)
        for duty in self._duties:
            duty.tick(now)

    async def _exchange(self) -> None:
        assert self._presence is not None
        try:
            elsewhere = await self._presence.exchange(self._quotas.counts())
        except NetraError:
            self.sharing = False
            self._quotas.set_elsewhere({})
            raise
        self._quotas.set_elsewhere(elsewhere)
        self.sharing = True

    async def close(self) -> None:
        """Do nothing more."""
        await self._takeover.close()
        for duty in self._duties:
            await duty.close()


class _Duty:
    """Something that is done again and again, one at a time. What keeps it from being done is told once, until it is done."""

    def __init__(self, fault: str, do: Callable[[], Awaitable[None]], every_s: float) -> None:
        self._fault = fault
        self._do = do
        self._every_s = every_s
        self._next = float("-inf")
        self._told = False
        self._task: asyncio.Task[None] | None = None

    def tick(self, now: float) -> None:
        if now >= self._next and self._task is None:
            self._next = now + self._every_s
            self._task = asyncio.get_running_loop().create_task(self._doing())

    async def _doing(self) -> None:
        try:
            await self._do()
            self._told = False
        except Exception as fault:
            if not self._told:
                self._told = True
                _LOG.warning(
                    "%s: %s; it is tried again", self._fault, fault, exc_info=not isinstance(fault, NetraError)
                )
        finally:
            self._task = None

    async def close(self) -> None:
        self._next = float("inf")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
