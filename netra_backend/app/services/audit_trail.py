"""The audit trail: rejections, and what happened to identities.

A row names the validation point and the ids involved, never a message or a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from ..core.errors import Refusal
from ..ports import Audit, Clock
from .redaction import redact_text

Event = Literal["connected", "ticket_issued", "revoked", "thread_deleted", "user_exported", "user_deleted", "drill_run"]

_MAX_FIELDS: Final = 16
_MAX_CHARACTERS: Final = 200


class AuditTrail:
    """Records refusals and events. Nothing here waits, and a full queue costs a row, never the request."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self.refusals: dict[str, int] = {}
        """How often each validation point has refused somebody since the start."""

    def record_refusal(self, owner: str | None, refusal: Refusal, **about: str | int) -> None:
        """``owner`` was refused by the refusal's point; ``None`` if nobody is known yet. The message is left out: it
        may quote what was sent."""
        detail = {"error": refusal.entry.id, "field": refusal.field or "", **about}
        self.count_refusal(refusal)
        self._audit.record(owner, "refused", refusal.point.id, detail, self._clock.now_ms())

    def count_refusal(self, refusal: Refusal) -> None:
        """Somebody was refused by the refusal's point, and no row tells of it: what strangers can repeat without end."""
        self.refusals[refusal.point.id] = self.refusals.get(refusal.point.id, 0) + 1

    def happened(self, owner: str, event: Event, **about: str | int) -> None:
        """Something happened to this identity or to what it owns."""
        self._audit.record(owner, event, None, about, self._clock.now_ms())


def plain_detail(detail: Mapping[str, Any]) -> dict[str, str | int]:
    """A row's detail as it is kept: few fields, short, without secrets; empty ones left out."""
    kept: dict[str, str | int] = {}
    for name, value in list(detail.items())[:_MAX_FIELDS]:
        if isinstance(value, int):
            kept[name[:_MAX_CHARACTERS]] = value
        elif text := redact_text(str(value)[: 4 * _MAX_CHARACTERS]):
            kept[name[:_MAX_CHARACTERS]] = text[:_MAX_CHARACTERS]
    return kept
