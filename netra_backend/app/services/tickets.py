"""Single-use tickets: how a signed-in user opens one connection or download if only an address can be given."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import Final

from ..core import validation
from ..core.errors import AuthenticationRefused, FrameRefused, LimitRefused
from ..core.identity import CREDENTIAL_KINDS, EVERYBODY, WEBSOCKET, Identity, TicketUse
from ..core.limits import USUAL
from ..ports import Clock, Entropy
from ..sign_in_ports import Tickets

MAX_PATH: Final = 1_024
_API_PATH = re.compile(r"/api/[A-Za-z0-9._:~/-]+(?:\?[\x21\x22\x24-\x7e]+)?").fullmatch
_BYTES: Final = 32
_MAX_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class Ticket:
    """``value`` goes into the query string as ``ticket``; it counts once, and not from ``expires_at_ms`` on."""

    value: str = field(repr=False)
    expires_at_ms: int


class TicketOffice:
    """Issues tickets and takes them back. The store sees digests only, so reading it does not allow a connection."""

    def __init__(self, store: Tickets, clock: Clock, entropy: Entropy, *, lifetime_s: float = USUAL.ticket_s) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._lifetime_ms = round(lifetime_s * 1000)

    async def issue(self, identity: Identity, use: TicketUse = WEBSOCKET) -> Ticket:
        """A ticket for this identity and this use. It ends with the identity's own credential, if that comes first.

        Raises ``AuthenticationRefused`` (``forbidden``) if the identity came by a ticket, ``FrameRefused`` if a download's path
        is not an address of the API, and ``LimitRefused`` if too many are unused.
        """
        if not CREDENTIAL_KINDS[identity.kind].makes_tickets:
            raise AuthenticationRefused(
                "A ticket cannot be used to get another one.",
                kind="forbidden",
                point=validation.TICKET_CHAIN,
                hint="Get tickets with a token.",
            )
        if use.purpose == "download":
            identity = replace(identity, scopes=identity.scopes & {EVERYBODY})
            if len(use.path) > MAX_PATH or _API_PATH(use.path) is None:
                raise FrameRefused(
                    f"A ticket for a download needs a path of the API, of at most {MAX_PATH} characters.",
                    field="path",
                    hint="Send a path such as /api/me/export, with its query if it has one.",
                    point=validation.TICKET_PATH,
                )
        now_ms = self._clock.now_ms()
        value = base64.urlsafe_b64encode(self._entropy.take(_BYTES)).decode().rstrip("=")
        expires_at_ms = now_ms + self._lifetime_ms
        if not await self._store.put(_digest(value), identity, use, now_ms, expires_at_ms):
            raise LimitRefused(
                "Too many unused tickets.", point=validation.TICKET_LIMIT, retry_after_ms=self._lifetime_ms
            )
        return Ticket(value, expires_at_ms)

    async def redeem(self, value: str, use: TicketUse | None) -> Identity:
        """Whom the ticket was issued to, if it was issued for ``use``. It is used up by this, whatever comes of it. Raises
        ``AuthenticationRefused``."""
        taken = await self._store.take(_digest(value[:_MAX_CHARACTERS]))
        if taken is None or self._clock.now_ms() >= taken[2]:
            raise AuthenticationRefused(
                "The ticket is unknown, used or expired.",
                point=validation.TICKET_INVALID,
                field="ticket",
                hint="Get a new ticket, and use it within 30 seconds.",
            )
        identity, made_for, _ = taken
        if made_for != use:
            raise AuthenticationRefused(
                "The ticket was made for something else.",
                point=validation.TICKET_PURPOSE,
                field="ticket",
                hint="A ticket opens one WebSocket, or one GET of the path that it was made for. It is used up.",
            )
        return replace(identity, kind="ticket")

    async def remove(self, user_id: str) -> None:
        """Let go of all tickets of this user; those who have them get the refusal of unknown ones."""
        await self._store.remove(user_id)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
