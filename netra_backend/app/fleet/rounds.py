"""What one process among others does from time to time: look for runs that nobody holds, and read again what it may not have
heard of."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from ..core.errors import NetraError
from ..services.revocations import Revocations
from .takeover import Takeover

_LOG: Final = logging.getLogger("netra.fleet")
RELOAD_S: Final = 20.0
"""A revocation that was told to all and not heard here is known so much later, well within the promised half a minute."""


class Rounds:
    """``tick`` is called about every second; it never waits."""

    def __init__(self, takeover: Takeover, revocations: Revocations) -> None:
        self._takeover = takeover
        self._revocations = revocations
        self._next = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    def tick(self, now: float) -> None:
        """Some time has passed (``now`` in seconds, monotonic)."""
        self._takeover.tick(now)
        if now >= self._next and self._reading is None:
            self._next = now + RELOAD_S
            self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        try:
            await self._revocations.load()
        except NetraError as fault:
            _LOG.warning("revocations cannot be read: %s", fault)
        except Exception:
            _LOG.exception("revocations cannot be read")
        finally:
            self._reading = None

    async def close(self) -> None:
        """Do nothing more."""
        self._next = float("inf")
        await self._takeover.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
