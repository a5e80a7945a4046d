"""Tokens of our own: signed with the development key, or with the secret that the operator shares with this server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from ..core import validation
from ..core.errors import AuthenticationRefused
from ..core.ids import check_id

DEFAULT_LIFETIME_S: Final = 12 * 3600
MAX_LIFETIME_S: Final = 366 * 24 * 3600
_SCOPE = re.compile(r"[a-z][a-z0-9._:-]{0,63}").fullmatch
_HEADER: Final = {"alg": "HS256", "typ": "JWT"}


def mint_token(
    user_id: str,
    *,
    key: bytes,
    issuer: str | None,
    now_ms: int,
    token_id: str,
    scopes: Iterable[str] = (),
    lifetime_s: int = DEFAULT_LIFETIME_S,
    audience: str | None = None,
) -> str:
    """A token for this user.

    Raises ``InvalidContextError`` for what is no user id, ``AuthenticationRefused`` (``forbidden``) for a malformed scope
    or a lifetime outside of 1 second to 366 days. Issue times have milliseconds, so that a sign-in right after a
    revocation counts.
    """
    check_id("user_id", user_id)
    asked = list(scopes)
    for scope in asked:
        if _SCOPE(scope) is None:
            raise AuthenticationRefused(
                f"{scope[:64]!r} is not a valid scope. Start it with a lower-case letter, followed by "
                "letters, digits and . _ : -, as in admin.",
                kind="forbidden",
                point=validation.TOKEN_SCOPE,
                field="scope",
            )
    if not 1 <= lifetime_s <= MAX_LIFETIME_S:
        raise AuthenticationRefused(
            f"A token can live for 1 to {MAX_LIFETIME_S} seconds, not {lifetime_s}.",
            kind="forbidden",
            point=validation.TOKEN_LIFETIME,
            field="ttl",
        )
    claims: dict[str, object] = {
        "sub": user_id,
        "iat": now_ms / 1000,
        "exp": now_ms / 1000 + lifetime_s,
        "jti": token_id,
    }
    if asked:
        claims["scope"] = " ".join(asked)
    if issuer is not None:
        claims["iss"] = issuer
    if audience is not None:
        claims["aud"] = audience
    signed = f"{_part(_HEADER)}.{_part(claims)}"
    # Signing is one HMAC; a library for it would bring all of public-key cryptography to who only wants a token.
    signature = hmac.digest(key, signed.encode(), hashlib.sha256)
    return f"{signed}.{_encoded(signature)}"


def _part(value: Mapping[str, object]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def sign_in_link(base_url: str, token: str) -> str:
    """An address that signs a browser in. The token is in the fragment, which browsers keep to themselves."""
    return f"{base_url.rstrip('/')}/#token={token}"
