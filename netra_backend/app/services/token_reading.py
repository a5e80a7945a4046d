"""A token's header and claims, read and bounded; and whether its signature holds. Nothing here believes what it reads."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec
from jwt import PyJWTError
from jwt.api_jws import PyJWS

from ..core.limits import USUAL
from ..core.settings_values import PUBLIC_KEY_ALGORITHMS, SHARED_KEY_ALGORITHMS

_JWS: Final = PyJWS(
    algorithms=[*SHARED_KEY_ALGORITHMS, *PUBLIC_KEY_ALGORITHMS], options={"enforce_minimum_key_length": True}
)
Shape = TypeVar("Shape", bound=msgspec.Struct)


class Header(msgspec.Struct, frozen=True):
    """The header's fields that count (RFC 7515, 4.1)."""

    alg: str = ""
    kid: str | None = None
    typ: str | None = None


class Claims(msgspec.Struct, frozen=True):
    """The claims that count (RFC 7519, 4.1). What is absent or of another type is empty, and so is refused where it is
    needed. ``events`` marks a security event, such as a logout (RFC 8417, 2.2). ``netra_clock``: see ``token_minting``."""

    iss: str = ""
    sub: str = ""
    aud: str | list[str] = ""
    exp: float = 0.0
    iat: float = 0.0
    nbf: float = 0.0
    jti: str = ""
    scope: str | list[str] = ""
    events: Any = None
    netra_clock: str = ""


def read_token(token: str, most_characters: int = USUAL.token_characters) -> tuple[Header, Claims]:
    """A token's header and claims, unproved; empty ones if it is none, or is longer than ``most_characters``."""
    parts = token.split(".", 3)
    if len(token) > most_characters or len(parts) != 3:
        return Header(), Claims()
    return _part(parts[0], Header), _part(parts[1], Claims)


def claim_of(token: str, name: str) -> Any:
    """One claim of a token that ``read_token`` could read; ``None`` if it has none of that name."""
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(token.split(".", 3)[1] + "=="))
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    return claims.get(name) if isinstance(claims, dict) else None


def is_signed(token: str, key: Any, algorithms: Sequence[str]) -> bool:
    """Whether the token is signed with this key, by one of these algorithms."""
    try:
        _JWS.decode_complete(token, key, algorithms=algorithms)
    except (PyJWTError, TypeError, ValueError):  # the last two: a key of another kind than the algorithm's
        return False
    return True


def _part(text: str, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=="), type=shape)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return shape()
