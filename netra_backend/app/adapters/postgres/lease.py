"""This process's right to hold threads: a row that says until when, by the database's clock, and that is renewed in time.

A process whose lease has run out counts as nobody: others may take its threads over. What nobody took it keeps all the same,
since what counts in an append is the thread's fence.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from ...core.errors import DependencyUnavailable
from .pool import PostgresConnectionPool

_LOG: Final = logging.getLogger("netra.lease")
LEASE_MS: Final = 30_000
RENEWAL_S: Final = 10.0
FREEZE_S: Final = LEASE_MS / 1000 - RENEWAL_S
"""A process that stands still for so long, or longer, may find its lease run out."""
_RETRY_S: Final = 1.0
_FORGOTTEN_MS: Final = 600_000  # how long a process that is gone can still be seen

ALIVE: Final = "EXISTS (SELECT FROM process p WHERE p.process_id = t.holder AND p.lease > now_ms())"
"""Whether the holder of thread ``t`` is a living process."""

_RENEW: Final = """
WITH gone AS (DELETE FROM process WHERE lease < now_ms() - $3 AND process_id <> $1),
    before AS (SELECT lease > now_ms() AS held FROM process WHERE process_id = $1)
INSERT INTO process (process_id, lease) VALUES ($1, now_ms() + $2)
ON CONFLICT (process_id) DO UPDATE SET lease = excluded.lease
RETURNING coalesce((SELECT held FROM before), false) AS held
"""


async def _nothing(has_lapsed: bool) -> None:
    """Nobody is to know."""


class PostgresLease:
    """Renews the lease of one process. ``lapsed`` is awaited when it had run out in between."""

    def __init__(
        self,
        lines: PostgresConnectionPool,
        process_id: str,
        lapsed: Callable[[], Awaitable[None]],
        *,
        lease_ms: int = LEASE_MS,
    ) -> None:
        self._lines = lines
        self._process_id = process_id
        self._lapsed = lapsed
        self.on_renewal: Callable[[bool], Awaitable[object]] = _nothing
        """Awaited after each renewal, for whoever holds threads by this lease: after ``lapsed`` with true, and with false
        where the process has held the lease all the time. Not after one that took so long that the process may have stood still
        in it."""
        self._lease_ms = lease_ms
        self._task: asyncio.Task[None] | None = None
        self._has_lapsed = False  # and ``lapsed`` is still to be awaited to its end

    async def take(self) -> None:
        """Take the lease for the first time, and renew it from now on. Raises ``DependencyUnavailable``."""
        await self._renew()
        self._task = asyncio.create_task(self._keep())

    async def renew(self) -> None:
        """Renew it now; where it had run out, ``lapsed`` is awaited, at the next renewal again where it raises. Raises
        ``DependencyUnavailable``."""
        began = time.monotonic()
        if not await self._renew():
            self._has_lapsed = True
        if self._has_lapsed:
            await self._lapsed()
            await self.on_renewal(True)
            self._has_lapsed = False
        elif time.monotonic() - began < FREEZE_S:
            await self.on_renewal(False)

    async def _renew(self) -> bool:
        rows = await self._lines.ask(_RENEW, self._process_id, self._lease_ms, _FORGOTTEN_MS)
        return bool(rows[0]["held"])

    async def _keep(self) -> None:
        wait_s = RENEWAL_S
        while True:
            await asyncio.sleep(wait_s)
            try:
                await self.renew()
                wait_s = RENEWAL_S
            except DependencyUnavailable:
                wait_s = _RETRY_S
            except Exception:  # whatever it is, the next renewal is worth trying
                _LOG.exception("the lease could not be renewed")
                wait_s = _RETRY_S

    async def give_up(self) -> None:
        """Let go of the lease: others may take over at once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._lines.ask("DELETE FROM process WHERE process_id = $1", self._process_id)
