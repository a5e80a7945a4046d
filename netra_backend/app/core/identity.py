"""Who somebody is, once it has been proved."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final, Literal

EVERYBODY: Final = "usage"
"""The scope that every signed-in user has."""

BASE_SCOPES: Final = frozenset({EVERYBODY})
"""What every signed-in user may do. A run that goes on in another process, or after a restart, has these and no others: what else
its user's token allowed is not stored."""

ADMIN: Final = "admin"
"""The scope of operators."""

READ: Final = "read"
"""The scope that reads what ``EVERYBODY`` reads over HTTP, and changes nothing."""

INGEST: Final = "ingest"
"""The scope that brings usage data in."""

METRICS: Final = "metrics"
"""The scope that reads metrics from elsewhere; ``ADMIN`` will do as well."""

OWN_ISSUER: Final = "netra-development"
"""The issuer of tokens that are signed with a data directory's own key. Commands make such tokens for any user."""

CLOCK_LEEWAY_MS: Final = 30_000
"""How far the clocks of an issuer and of this server may differ (RFC 7519, 4.1.4)."""


@dataclass(frozen=True, slots=True)
class CredentialKind:
    """What a kind of credential is good for beside its scopes: to make tickets, and to manage credentials and their user."""

    makes_tickets: bool
    manages: bool


CREDENTIAL_KINDS: Final = {
    "token": CredentialKind(makes_tickets=True, manages=True),
    "ticket": CredentialKind(makes_tickets=False, manages=False),
    "key": CredentialKind(makes_tickets=True, manages=False),
}
"""All kinds of credential there are. An identity of another kind does not stand."""


@dataclass(frozen=True, slots=True)
class TicketUse:
    """What one ticket opens: a WebSocket, or one GET of ``path`` (with its query, as a request sends it, without the ticket)."""

    purpose: Literal["websocket", "download"]
    path: str = ""


WEBSOCKET: Final = TicketUse("websocket")


@dataclass(frozen=True, slots=True)
class Identity:
    """A user as a credential proved it. Nothing of a request is ever looked up by another user id than this one.

    ``expires_at_ms`` is the credential's own expiry, ``None`` for one that the server itself made; it stands until
    ``ends_at_ms``. ``issued_at_ms`` is the earliest moment, by this server's clock, at which it can have been issued: a
    revocation is compared with it. ``kind`` is a name of ``CREDENTIAL_KINDS``; a ticket has all else from the credential that
    it was made with.
    """

    user_id: str
    scopes: frozenset[str]
    expires_at_ms: int | None
    issued_at_ms: int
    token_id: str = ""
    issuer: str = ""
    kind: str = "token"
    plan: str = ""
    """The name of the plan that the credential named; empty: it named none."""
    agents: frozenset[str] = frozenset()
    """The agents that the credential may ask; empty: all that its user may."""

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.scopes

    @property
    def ends_at_ms(self) -> int | None:
        """From this moment on it counts no more: its expiry and the leeway. ``None``: it does not expire."""
        return None if self.expires_at_ms is None else self.expires_at_ms + CLOCK_LEEWAY_MS


@dataclass(frozen=True, slots=True)
class RevokedToken:
    """One revoked sign-in: the token of this user with this id (``jti``). From ``ends_at_ms`` on no such token can stand, and
    nobody has to remember it."""

    user_id: str
    token_id: str
    ends_at_ms: int


DEFAULT_MAX_LIFETIME_S: Final = 24 * 3600
"""The longest that a token may live, from its issue to its expiry, if no operator sets another."""

is_scope: Final = re.compile(r"[a-z][a-z0-9._:-]{0,63}").fullmatch
"""What a scope looks like."""

MAX_TOKEN_ID: Final = 128
"""Of a token's id, so many characters count: two that differ only later are revoked together."""


def user_id_of_subject(issuer: str, subject: str) -> str:
    """The user id of somebody whom an OIDC issuer vouches for: any subject works, and two issuers never meet."""
    digest = hashlib.sha256(f"{issuer}\0{subject}".encode("utf-8", "surrogatepass")).digest()
    return "u_" + base64.b32encode(digest).decode().rstrip("=").lower()
