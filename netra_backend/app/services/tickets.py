"""Single-use tickets: how a signed-in user opens a connection if only an address can be given."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Final

from ..core import validation
from ..core.errors import AuthenticationRefused, LimitRefused
from ..core.identity import Identity
from ..ports import Clock, Entropy, Tickets

LIFETIME_MS: Final = 30_000
_BYTES: Final = 32
_MAX_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class Ticket:
    """``value`` goes into the query string as ``ticket``; it counts once, and not from ``expires_at_ms`` on."""

    value: str = field(repr=False)
    expires_at_ms: int


class TicketOffice:
    """Issues tickets and takes them back. The store sees digests only, so reading it does not allow a connection."""

    def __init__(self, store: Tickets, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy

    async def issue(self, identity: Identity) -> Ticket:
        """A ticket for this identity. Raises ``LimitRefused`` if too many are unused."""
        now_ms = self._clock.now_ms()
        value = base64.urlsafe_b64encode(self._entropy.take(_BYTES)).decode().rstrip("=")
        expires_at_ms = now_ms + LIFETIME_MS
        if not await self._store.put(_digest(value), identity, now_ms, expires_at_ms):
            raise LimitRefused("Too many unused tickets.", point=validation.TICKET_LIMIT, retry_after_ms=LIFETIME_MS)
        return Ticket(value, expires_at_ms)

    async def redeem(self, value: str) -> Identity:
        """Whom the ticket was issued to. It is used up by this. Raises ``AuthenticationRefused``."""
        taken = await self._store.take(_digest(value[:_MAX_CHARACTERS]))
        if taken is None or self._clock.now_ms() >= taken[1]:
            raise AuthenticationRefused(
                "The ticket is unknown, used or expired.",
                point=validation.TICKET_INVALID,
                field="ticket",
                hint="Get a new ticket, and use it within 30 seconds.",
            )
        return taken[0]


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
