"""What a server does by itself from time to time: remove what nobody needs or its operator does not keep, and what a crash
left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Final

from ..ports import Audit, Clock, EventLog, Ledger
from ..runs.accepted_requests import KEY_LIFETIME_MS
from ..services.files import Files
from ..services.mcp_servers import McpServers
from ..services.run_budgets import RunBudgets
from ..services.secrets import Secrets
from ..web.api.datasets import PREFIX

_LOG: Final = logging.getLogger("netra.housekeeping")
DAY_MS: Final = 24 * 3600 * 1000
EVERY_S: Final = 24 * 3600.0
FILES_EVERY_S: Final = 3600.0
"""Files that no message claims are looked for so often, and let go of so much earlier than they are old enough: so that none
is kept longer."""
CLOCKS_MS: Final = 3600 * 1000
"""So much longer than they count are idempotency keys kept: another process's clock may be behind."""
PAUSE_S: Final = 0.1
"""Between two looks at some of the keys, so that a million of them take nothing that users would notice."""


def remove_leftovers(scratch: Path) -> int:
    """Remove uploads that a killed process left; how many. Called before anything is received."""
    found = list(scratch.glob(f"{PREFIX}*"))
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


class Housekeeping:
    """Keeps threads, values, datasets and what model requests cost for ``retention_days`` at the most (``None``: without end),
    rows of the audit trail for days of their own, idempotency keys while they count, and for a day files that no message claims.
    Seals secrets and MCP servers with the key that is set. Runs at the start, daily, and for the files every hour."""

    def __init__(
        self,
        *,
        clock: Clock,
        log: EventLog,
        ledger: Ledger,
        audit: Audit,
        files: Files,
        budgets: RunBudgets,
        secrets: Secrets,
        mcp_servers: McpServers,
        retention_days: int | None,
        audit_retention_days: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._log = log
        self._ledger = ledger
        self._audit = audit
        self._files = files
        self._budgets = budgets
        self._secrets = secrets
        self._mcp_servers = mcp_servers
        self._retention_days = retention_days
        self._audit_retention_days = audit_retention_days
        self._sleep = sleep
        self._next = self._next_files = float("-inf")
        self._work: asyncio.Task[None] | None = None

    def tick(self, now: float) -> None:
        """Some time has passed."""
        if self._work is not None:
            return
        if now >= self._next:
            self._next = now + EVERY_S
            self._work = asyncio.get_running_loop().create_task(self._guarded(self._remove_daily()))
        elif now >= self._next_files:
            self._next_files = now + FILES_EVERY_S
            self._work = asyncio.get_running_loop().create_task(self._guarded(self._remove_files()))

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception:
            _LOG.exception("retention failed; it is tried again later")
        finally:
            self._work = None

    async def _remove_daily(self) -> None:
        threads, datasets = await self.remove_old()  # first: its days are a promise
        requests = await self.remove_requests()
        rows = await self._audit.trim(self._clock.now_ms() - self._audit_retention_days * DAY_MS)
        if count := await self._secrets.reseal() + await self._mcp_servers.reseal():
            _LOG.info("secrets were sealed with the new key", extra={"secrets": count})
        uses = await self._budgets.expire(self._retention_days)
        removed = {
            "model_uses": uses,
            "requests": requests,
            "threads": threads,
            "datasets": datasets,
            "audit_rows": rows,
        }
        _LOG.info("retention", extra=removed)

    async def _remove_files(self) -> None:
        if count := await self._files.expire(int(FILES_EVERY_S * 1000)):
            _LOG.info("files that no message claimed were deleted", extra={"files": count})

    async def remove_requests(self) -> int:
        """Let go of idempotency keys that do not count any more, a few at a time; how many."""
        before_ms = self._clock.now_ms() - KEY_LIFETIME_MS - CLOCKS_MS
        count, after = await self._log.expire_requests(before_ms)
        while after is not None:
            await self._sleep(PAUSE_S)
            more, after = await self._log.expire_requests(before_ms, after)
            count += more
        return count

    async def remove_old(self) -> tuple[int, int]:
        """Delete threads without an event, values of users that were not set, and datasets imported, before the days that are
        kept; how many threads and datasets."""
        if self._retention_days is None:
            return 0, 0
        before_ms = self._clock.now_ms() - self._retention_days * DAY_MS
        await self._log.state.expire(before_ms)
        return await self._log.trim(before_ms), await self._ledger.trim(before_ms)

    async def close(self) -> None:
        """Stop what goes on; it goes on at the next start."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
