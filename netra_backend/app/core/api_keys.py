"""API keys: how one is written, and what is kept of it."""

from __future__ import annotations

import hashlib
import re
import string
from dataclasses import dataclass
from typing import Final

from .identity import ADMIN, EVERYBODY, INGEST, METRICS, OWN_ISSUER, READ, Identity

PREFIX: Final = "nk_"
"""How a key begins, and the id of a key as that of a sign-in."""

KEY_SCOPES: Final = (EVERYBODY, READ, INGEST, METRICS, ADMIN)
"""The scopes that a key may have."""

OF_OPERATORS: Final = frozenset({METRICS, ADMIN})
"""Those that only who has them, or is an operator, gives to a key."""

SECRET_BYTES: Final = 32
ID_BYTES: Final = 8
USED_MS: Final = 60_000
"""How exactly it is kept when a key was last used."""

_DIGITS: Final = string.digits + string.ascii_letters
_ID: Final = 11
_SECRET: Final = 43
_form: Final = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{_ID}}})_([0-9A-Za-z]{{{_SECRET}}})").fullmatch


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key: ``digest`` is the SHA-256 of its secret, which nobody has to slow down, as it is 256 random bits.
    Without ``agents`` it may ask all that its user may ask. ``plan`` is that of the sign-in which made it, and ``issued_ms`` the
    earliest moment at which that can have been issued: what revokes all sign-ins up to then revokes the key. Times are ms since
    1970 UTC; it was last used in the minute after ``used_ms``, never if that is 0."""

    key_id: str
    owner: str
    name: str
    digest: bytes
    scopes: frozenset[str]
    agents: frozenset[str]
    plan: str
    issued_ms: int
    created_ms: int
    expires_ms: int
    used_ms: int = 0

    @property
    def token_id(self) -> str:
        """The id of the sign-in, as revocations name it."""
        return PREFIX + self.key_id

    @property
    def identity(self) -> Identity:
        """Whom it proves, once its secret was shown. A key that names no plan leaves its user the one that the user has."""
        return Identity(
            self.owner,
            self.scopes,
            self.expires_ms,
            self.issued_ms,
            self.token_id,
            "" if self.plan else OWN_ISSUER,
            "key",
            self.plan,
            self.agents,
        )


def looks_like_a_key(credential: str) -> bool:
    """Whether this is shown as a key, well-formed or not, and not as a token."""
    return credential.startswith(PREFIX)


def parts_of(credential: str) -> tuple[str, str] | None:
    """The id and the secret of a key; ``None`` if it is not one."""
    found = _form(credential)
    return None if found is None else (found[1], found[2])


def written(key_id: str, secret: str) -> str:
    """The key as its owner gets it."""
    return f"{PREFIX}{key_id}_{secret}"


def digest_of(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def id_of(entropy: bytes) -> str:
    """``ID_BYTES`` random bytes as the id of a key."""
    return _base62(entropy, _ID)


def secret_of(entropy: bytes) -> str:
    """``SECRET_BYTES`` random bytes as the secret of a key."""
    return _base62(entropy, _SECRET)


def _base62(entropy: bytes, length: int) -> str:
    number, digits = int.from_bytes(entropy), ""
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
