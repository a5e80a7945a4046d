"""Tokens of our own: signed with the development key, or with the secret that the operator shares with this server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Final

from ..core import validation
from ..core.errors import AuthenticationRefused
from ..core.identity import DEFAULT_MAX_LIFETIME_S, is_scope
from ..core.ids import check_id

DEFAULT_LIFETIME_S: Final = 12 * 3600
SERVER_CLOCK: Final = "server"
"""The value of the claim ``netra_clock``: the issue time is by the clock of the machine that has the data directory."""

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
    max_lifetime_s: int = DEFAULT_MAX_LIFETIME_S,
) -> str:
    """A token for this user; ``now_ms`` is by the server's clock. ``max_lifetime_s`` is what its server allows.

    Raises ``InvalidContextError`` for what is no user id, ``AuthenticationRefused`` (``forbidden``) for a malformed scope
    or a lifetime outside of 1 to ``max_lifetime_s`` seconds. Issue times have milliseconds and name their clock, so that a
    sign-in right after a revocation counts.
    """
    check_id("user_id", user_id)
    asked = list(scopes)
    for scope in asked:
        if is_scope(scope) is None:
            raise AuthenticationRefused(
                f"{scope[:64]!r} is not a valid scope. Start it with a lower-case letter, followed by "
                "letters, digits and . _ : -, as in admin.",
                kind="forbidden",
                point=validation.TOKEN_SCOPE,
                field="scope",
            )
    if not 1 <= lifetime_s <= max_lifetime_s:
        raise AuthenticationRefused(
            f"A token can live for 1 to {max_lifetime_s} seconds, not {lifetime_s}.",
            kind="forbidden",
            point=validation.TOKEN_LIFETIME,
            field="ttl",
            hint="Ask for less, or raise NETRA_JWT_MAX_LIFETIME_S for this command and the server.",
        )
    claims: dict[str, object] = {
        "sub": user_id,
        "iat": now_ms / 1000,
        "exp": now_ms / 1000 + lifetime_s,
        "jti": token_id,
        "netra_clock": SERVER_CLOCK,
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
