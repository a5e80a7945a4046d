"""Tool calls that wait for their user's word. The first word counts, whichever device says it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from ..core import validation
from ..core.errors import NotFound

LIFETIME_MS: Final = 15 * 60 * 1000
EXPIRED: Final = "expired"


def hash_arguments(tool: str, arguments: Mapping[str, Any]) -> str:
    """What a decision is bound to: sha256 over the tool's name and its canonical JSON arguments."""
    canonical = msgspec.json.encode((tool, arguments), order="sorted")
    return hashlib.sha256(canonical).hexdigest()


@dataclass(frozen=True, slots=True)
class Decision:
    """``decision`` is approve, deny or expired. ``recorded`` is to be called once it is committed."""

    decision: str
    by: str
    recorded: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """One call that waits."""

    owner: str
    thread_id: str
    run_id: str
    approval_id: str
    tool: str
    arguments: Mapping[str, Any]
    arguments_hash: str
    expires_at_ms: int
    word: asyncio.Future[Decision] = field(compare=False)


class Approvals:
    """The calls of this process that wait. Bounded by the number of runs."""

    def __init__(self) -> None:
        self._pending: dict[str, PendingApproval] = {}

    async def wait(self, pending: PendingApproval, now_ms: int) -> Decision:
        """The first word said, or ``expired``. A word that was taken counts, even in the moment of expiry."""
        self._pending[pending.approval_id] = pending
        try:
            async with asyncio.timeout(max(0.0, (pending.expires_at_ms - now_ms) / 1000)):
                return await asyncio.shield(pending.word)
        except TimeoutError:
            return pending.word.result() if pending.word.done() else Decision(EXPIRED, "expiry")
        finally:
            self._pending.pop(pending.approval_id, None)

    def resolve(
        self, owner: str, approval_id: str, decision: str, arguments_hash: str, by: str, recorded: Callable[[], None]
    ) -> None:
        """Say the word. Raises ``NotFound`` where the owner has no such open approval of those arguments."""
        pending = self._pending.get(approval_id)
        if pending is None or pending.owner != owner or pending.arguments_hash != arguments_hash or pending.word.done():
            raise NotFound(
                "There is no such open approval.",
                field="approval_id",
                hint="It may have been decided on another device, or have expired.",
                point=validation.APPROVAL_OPEN,
            )
        pending.word.set_result(Decision(decision, by, recorded))

    def waiting_runs(self) -> set[str]:
        """The runs that wait for their user's word."""
        return {pending.run_id for pending in self._pending.values()}

    def of(self, owner: str) -> list[PendingApproval]:
        """What waits for this owner's word, oldest first."""
        return [pending for pending in self._pending.values() if pending.owner == owner]
