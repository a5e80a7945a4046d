"""The audit trail: rejections, and what happened to identities.

A row names the validation point and the ids involved, never a message or a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

from ..core.audit_allowance import Allowance
from ..core.errors import DependencyUnavailable, Refusal
from ..ports import Audit, Clock
from .hiding import hidden_text
from .redaction import redact_text

Event = Literal[
    "connected",
    "ticket_issued",
    "revoked",
    "thread_deleted",
    "user_exported",
    "user_deleted",
    "drill_run",
    "secret_set",
    "secret_deleted",
    "mcp_server_added",
    "mcp_server_deleted",
    "mcp_authorization_begun",
    "mcp_server_authorized",
    "mcp_authorization_denied",
    "api_key_created",
    "api_key_deleted",
]

_MAX_FIELDS: Final = 16
_MAX_CHARACTERS: Final = 200


SUBJECT_FIELDS: Final = frozenset({"by", "user"})
"""Fields of a detail that name a user. Stores keep a pseudonym in them, as they do of whom a row is about."""


class AuditTrail:
    """Records refusals and events. Nothing here waits, and a full queue costs a row, never the request.

    Refusals beyond an hour's allowance (``core.audit_allowance``) are counted and told by one row, ``suppressed``. ``site_of``
    says which addresses share an allowance. ``refuses``: whether ``require_writable`` refuses while rows cannot be written.
    """

    def __init__(
        self,
        audit: Audit,
        clock: Clock,
        *,
        refuses: bool = False,
        site_of: Callable[[str], str] = str,
        allowance: Allowance | None = None,
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._refuses = refuses
        self._site_of = site_of
        self._allowance = allowance or Allowance()
        self.refusals: dict[str, int] = {}
        """How often each validation point has refused somebody since the start."""

    def record_refusal(self, owner: str | None, refusal: Refusal, *, address: str = "", **about: str | int) -> None:
        """``owner`` was refused by the refusal's point; ``None`` if nobody is known yet. The message is left out: it
        may quote what was sent. Users read their own rows: the point is the one that they may know of. ``address``: the
        client's, where one is known."""
        detail = {"error": refusal.entry.id, "field": refusal.field or "", **_from(address), **about}
        self.count_refusal(refusal)
        now_ms = self._clock.now_ms()
        self._tell_suppressed(self._allowance.ended(now_ms), now_ms)
        if self._allowance.take(owner, self._site_of(address)):
            self._audit.record(owner, "refused", refusal.point.told_as, _shown(detail), now_ms)

    def count_refusal(self, refusal: Refusal) -> None:
        """Somebody was refused by the refusal's point, and no row tells of it: what strangers can repeat without end."""
        self.refusals[refusal.point.id] = self.refusals.get(refusal.point.id, 0) + 1

    def happened(self, owner: str, event: Event, *, address: str = "", **about: str | int) -> None:
        """Something happened to this identity or to what it owns. ``address``: of the client that asked for it."""
        self._audit.record(owner, event, None, _shown({**_from(address), **about}), self._clock.now_ms())

    def close(self) -> None:
        """Tell what was only counted until now."""
        self._tell_suppressed(self._allowance.close(), self._clock.now_ms())

    def require_writable(self) -> None:
        """Raises ``DependencyUnavailable`` while the trail cannot be written, where the operator wants it so: what nobody would
        know of afterwards is not done."""
        if self._refuses and self._audit.trouble:
            raise DependencyUnavailable("The audit trail cannot be written.", retry_after_ms=5_000)

    @property
    def state(self) -> str:
        """Why this server is not ready, as far as its audit trail goes; empty if it is."""
        return self._audit.broken or (self._audit.trouble if self._refuses else "")

    def _tell_suppressed(self, counted: Iterable[tuple[str | None, str, int]], now_ms: int) -> None:
        for owner, site, count in counted:
            self._audit.record(owner, "suppressed", None, {"refusals": count, **_from(site)}, now_ms)


def _shown(detail: Mapping[str, str | int]) -> dict[str, str | int]:
    """Without what the caller's run hides: the trail is written by a thread, which knows of no run."""
    return {name: hidden_text(value) if isinstance(value, str) else value for name, value in detail.items()}


def _from(address: str) -> dict[str, str | int]:
    return {"address": address} if address else {}


def plain_detail(detail: Mapping[str, Any]) -> dict[str, str | int]:
    """A row's detail as it is kept: few fields, short, without secrets; empty ones left out."""
    kept: dict[str, str | int] = {}
    for name, value in list(detail.items())[:_MAX_FIELDS]:
        if isinstance(value, int):
            kept[name[:_MAX_CHARACTERS]] = value
        elif text := redact_text(str(value)[: 4 * _MAX_CHARACTERS]):
            kept[name[:_MAX_CHARACTERS]] = text[:_MAX_CHARACTERS]
    return kept
