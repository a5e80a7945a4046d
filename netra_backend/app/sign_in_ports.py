"""What signing in asks of the outside: keys, tickets, API keys and revocations. The other ports are in ``ports``."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from .core.api_keys import ApiKey
from .core.identity import Identity, RevokedToken, TicketUse


class KeySet(Protocol):
    """The keys that one issuer signs tokens with."""

    async def find(self, kid: str | None, algorithm: str) -> Any | None:
        """The key called ``kid`` (the only one, where a token names none) if it is one for this algorithm, as PyJWT takes
        it; else ``None``. Raises ``DependencyUnavailable`` where keys have to be fetched and cannot be."""

    async def close(self) -> None:
        """Let go of connections."""


class Tickets(Protocol):
    """Single-use tickets that are out, by digest. Bounded, per user and in all."""

    async def put(self, digest: str, identity: Identity, use: TicketUse, now_ms: int, expires_at_ms: int) -> bool:
        """Keep a ticket for this use until then; ``False`` if the user has too many, or all have."""

    async def take(self, digest: str) -> tuple[Identity, TicketUse, int] | None:
        """Take a ticket out, with its use and expiry: of all who ask for it, one gets it."""

    async def remove(self, user_id: str) -> None:
        """Take out all tickets of this user."""


Added = Literal["added", "named", "full", "ended"]


class ApiKeyStore(Protocol):
    """API keys of users, in the store of the event log, which deletes them with their owner. Every call but ``find`` names the
    owner, and sees nobody else's."""

    async def add(self, key: ApiKey, most: int, made_by: str = "") -> Added:
        """Keep it. Not if its owner has one of that name (``named``) or ``most`` others (``full``), or if several processes share
        the store and one of them has ended the sign-in with the id ``made_by`` that makes it (``ended``)."""

    async def find(self, key_id: str, known_to_be: str = "") -> ApiKey | None:
        """The key of that id, of any owner. With ``known_to_be`` the lookup waits in that user's turn, and not behind the keys
        that anybody may show."""

    async def of(self, owner: str) -> list[ApiKey]:
        """The owner's keys, by their names."""

    async def used(self, owner: str, key_id: str, at_ms: int) -> None:
        """Keep that it was used then, unless it was used later."""

    async def remove(self, owner: str, key_id: str) -> bool:
        """Delete it; whether there was one."""


class RevocationStore(Protocol):
    """Revocations of sign-ins, kept over restarts."""

    async def load(self) -> dict[str, int]:
        """For each user the latest moment."""

    async def add(self, user_id: str, until_ms: int) -> None:
        """Keep one; stored on return."""

    async def load_tokens(self) -> list[RevokedToken]:
        """The single sign-ins that are revoked."""

    async def add_token(self, revoked: RevokedToken, now_ms: int) -> None:
        """Keep one, and let go of those that no token can be about any more; stored on return."""
