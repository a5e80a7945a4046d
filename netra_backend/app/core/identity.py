"""Who somebody is, once it has been proved."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

EVERYBODY: Final = "usage"
"""The scope that every signed-in user has."""

BASE_SCOPES: Final = frozenset({EVERYBODY})
"""What every signed-in user may do. A run that goes on in another process, or after a restart, has these and no others: what else
its user's token allowed is not stored."""

ADMIN: Final = "admin"
"""The scope of operators."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user as a token proved it. Nothing of a request is ever looked up by another user id than this one.

    ``expires_at_ms``: from this moment on it counts no more; ``None`` for one that the server itself made. ``issued_at_ms``
    is what a revocation is compared with.
    """

    user_id: str
    scopes: frozenset[str]
    expires_at_ms: int | None
    issued_at_ms: int
    token_id: str = ""
    issuer: str = ""

    @property
    def is_admin(self) -> bool:
        return ADMIN in self.scopes


def user_id_of_subject(issuer: str, subject: str) -> str:
    """The user id of somebody whom an OIDC issuer vouches for: any subject works, and two issuers never meet."""
    digest = hashlib.sha256(f"{issuer}\0{subject}".encode("utf-8", "surrogatepass")).digest()
    return "u_" + base64.b32encode(digest).decode().rstrip("=").lower()
