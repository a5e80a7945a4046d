"""Tells other processes what users hold here, and this one what they hold there, so that limits hold for all of them together.

They hold within a moment, not to the last one: several processes may each let somebody in before they hear of each other.
Without presence each process limits for itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from ..core.quotas import Quotas
from ..ports import Presence

_LOG: Final = logging.getLogger("netra.limits")
EVERY_S: Final = 1.0
MAX_FAILURES: Final = 15
"""After so many exchanges that failed, what was known of others is old and counts no more."""


class CountsExchange:
    """Exchanges once a second from ``start`` to ``close``."""

    def __init__(
        self,
        quotas: Quotas,
        presence: Presence,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._quotas = quotas
        self._presence = presence
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None
        self._failures = 0

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self.exchange()
            await self._sleep(EVERY_S)

    async def exchange(self) -> None:
        """Once. Never raises: without an answer what was known holds for a while."""
        try:
            held = await self._presence.exchange(self._quotas.held())
        except Exception as fault:
            self._failures += 1
            if self._failures == 1:
                _LOG.warning("limits count this process alone until presence answers: %s", fault)
            if self._failures == MAX_FAILURES:
                self._quotas.note_elsewhere({})
        else:
            self._failures = 0
            self._quotas.note_elsewhere(held)

    async def close(self) -> None:
        """Take back what was said, where there is somebody to hear it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._presence.exchange({})
        except Exception as fault:  # it ends by itself
            _LOG.info("presence could not be notified that this process is ending: %s", fault)
