"""Whether an audit trail can be written and its chain stands, as its adapter finds out while it works."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from ...core.audit_chain import Verdict
from ...core.errors import DependencyUnavailable

EVERY_S: Final = 24 * 3600.0
"""So often the whole chain is looked at, the first time at the start."""

_LOG: Final = logging.getLogger("netra.audit")


class TrailWatch:
    """``trouble`` and ``broken`` say what is wrong in words; they are empty if nothing is. A break stays."""

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}
        self.broken = ""
        self._is_verified = False
        self._looked = asyncio.Event()  # once, or nobody looks any more
        self._looking: asyncio.Task[None] | None = None

    @property
    def trouble(self) -> str:
        return next(iter(self._troubles.values()), "")

    def fails(self, part: str, fault: object) -> None:
        """This part (the rows, the anchor) cannot be written."""
        if part not in self._troubles:
            _LOG.error("the audit trail's %s cannot be written: %s", part, fault)
        self._troubles[part] = f"its {part} cannot be written: {fault}"

    def works(self, part: str) -> None:
        """This part was written."""
        if self._troubles and self._troubles.pop(part, None) is not None:
            _LOG.warning("the audit trail's %s can be written again", part)

    def breaks(self, place: str) -> None:
        """The chain does not stand, or nothing proves that it does."""
        if not self.broken:
            _LOG.critical("the audit trail is not intact: %s", place)
            self.broken = place

    def start(self, look: Callable[[], Awaitable[Verdict]]) -> None:
        """Look at the whole chain beside everything else, now and daily."""
        self._looking = asyncio.get_running_loop().create_task(self._look(look), name="netra-audit-verification")

    async def require_verified(self) -> None:
        """Wait until the whole chain was looked at once. Raises ``DependencyUnavailable`` if it is broken, or could not be
        looked at yet: what is removed then may be evidence."""
        await self._looked.wait()
        if self.broken:
            raise DependencyUnavailable(f"No rows of the audit trail are removed: it is broken ({self.broken}).")
        if not self._is_verified:
            raise DependencyUnavailable("No rows of the audit trail are removed: it was not verified yet.")

    async def _look(self, look: Callable[[], Awaitable[Verdict]]) -> None:
        while True:
            try:
                verdict = await look()
            except DependencyUnavailable as fault:
                _LOG.warning("the audit trail could not be verified: %s", fault.message)
            except Exception:
                _LOG.exception("the audit trail could not be verified")
            else:
                if verdict.state != "intact":
                    self.breaks(verdict.place)
                else:
                    self._is_verified = True
                    _LOG.info("the audit trail was verified", extra={"rows": verdict.rows})
            self._looked.set()
            await asyncio.sleep(EVERY_S)

    async def close(self) -> None:
        """Stop looking."""
        self._looked.set()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
            self._looking = None
