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
    """``trouble`` and ``broken`` say what is wrong in words; they are empty where nothing is. A break stays."""

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}
        self.broken = ""
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
        """The chain does not stand."""
        if not self.broken:
            _LOG.critical("the audit trail is broken: %s", place)
            self.broken = place

    def start(self, look: Callable[[], Awaitable[Verdict]]) -> None:
        """Look at the whole chain beside everything else, now and daily."""
        self._looking = asyncio.get_running_loop().create_task(self._look(look), name="netra-audit-verification")

    async def _look(self, look: Callable[[], Awaitable[Verdict]]) -> None:
        while True:
            try:
                verdict = await look()
            except DependencyUnavailable as fault:
                _LOG.warning("the audit trail could not be verified: %s", fault.message)
            else:
                if verdict.state == "broken":
                    self.breaks(verdict.place)
                else:
                    _LOG.info("the audit trail was verified", extra={"rows": verdict.rows})
            await asyncio.sleep(EVERY_S)

    async def close(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
            self._looking = None
