"""Who is asking: a token in, a proved ``Identity`` or a refusal out. Done once for each connection and HTTP request.

Nothing of a token is believed before its signature holds under a key of the source that its issuer belongs to, with an
algorithm that the operator pinned. Every later check asks the token's own claims, and the clock that is passed in.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from jwt import PyJWTError
from jwt.api_jws import PyJWS

from ..config import TokenSource
from ..core import validation
from ..core.error_catalogue import CATALOGUE
from ..core.errors import AuthenticationRefused
from ..core.identity import EVERYBODY, Identity, user_id_of_subject
from ..core.ids import is_valid_id
from ..core.settings_values import PUBLIC_KEY_ALGORITHMS, SHARED_KEY_ALGORITHMS
from ..ports import Clock, KeySet
from .credentials import Credentials
from .revocations import Revocations
from .tickets import TicketOffice

LEEWAY_MS: Final = 30_000
"""How far the clocks of an issuer and ours may differ."""

MAX_TOKEN_CHARACTERS: Final = 8_192
_MAX_SCOPES: Final = 32
_FAR_SECONDS: Final = 1e11
_OIDC_SCOPE_PREFIX: Final = "netra:"
_SCOPE = re.compile(r"[a-z][a-z0-9._:-]{0,63}").fullmatch
_JWS: Final = PyJWS(
    algorithms=[*SHARED_KEY_ALGORITHMS, *PUBLIC_KEY_ALGORITHMS], options={"enforce_minimum_key_length": True}
)


@dataclass(frozen=True, slots=True)
class TrustedSource:
    """A source of tokens with the keys that it signs with."""

    source: TokenSource
    keys: KeySet


Shape = TypeVar("Shape", bound=msgspec.Struct)


class _Header(msgspec.Struct, frozen=True):
    alg: str = ""
    kid: str | None = None


class _Claims(msgspec.Struct, frozen=True):
    """The claims that count. What is absent or of another type is empty, and so is refused where it is needed."""

    iss: str = ""
    sub: str = ""
    aud: str | list[str] = ""
    exp: float = 0.0
    iat: float = 0.0
    nbf: float = 0.0
    jti: str = ""
    scope: str | list[str] = ""


class Authentication:
    """Verifies tokens and tickets. The first source is the operator's own key if there is one."""

    def __init__(
        self, sources: Sequence[TrustedSource], revocations: Revocations, tickets: TicketOffice, clock: Clock
    ) -> None:
        if not sources:
            raise ValueError("authentication needs a source of tokens")
        self._sources = tuple(sources)
        self._revocations = revocations
        self._tickets = tickets
        self._clock = clock

    async def identify(self, credentials: Credentials) -> Identity | None:
        """Who these credentials prove; ``None`` if there are none (a first frame may bring a token yet)."""
        if credentials.token is not None:
            return await self.verify(credentials.token)
        if credentials.ticket is not None:
            return self.standing(await self._tickets.redeem(credentials.ticket))
        return None

    async def verify(self, token: str) -> Identity:
        """Who this token proves.

        Raises ``AuthenticationRefused`` (``unauthenticated``, ``token_expired``, ``revoked``), and
        ``DependencyUnavailable`` if the issuer's keys are not available.
        """
        header, claims = _read(token)
        trusted = next((each for each in self._sources if each.source.issuer == claims.iss), self._sources[0])
        source = trusted.source
        if header.alg not in source.algorithms:
            raise AuthenticationRefused(
                "The token is malformed, or its algorithm is not accepted here.", point=validation.AUTH_ALGORITHM
            )
        key = await trusted.keys.find(header.kid, header.alg)
        if key is None or not _is_signed(token, key, source.algorithms):
            raise AuthenticationRefused(
                "The token is not signed with a key that this server trusts.", point=validation.AUTH_SIGNATURE
            )
        return self.standing(self._identity(source, claims))

    def _identity(self, source: TokenSource, claims: _Claims) -> Identity:
        """What the claims of a token come to whose signature holds."""
        now_ms = self._clock.now_ms()
        issued_ms, expires_ms = _ms(claims.iat), _ms(claims.exp)
        if not claims.sub or issued_ms <= 0 or expires_ms <= 0:
            raise AuthenticationRefused(
                "The token lacks its subject, issue time or expiry time.", point=validation.AUTH_CLAIMS
            )
        if source.issuer is not None and claims.iss != source.issuer:
            raise AuthenticationRefused("The token comes from another issuer.", point=validation.AUTH_ISSUER)
        audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if (source.audience or "") not in audience:
            raise AuthenticationRefused("The token was issued for another audience.", point=validation.AUTH_AUDIENCE)
        if max(issued_ms, _ms(claims.nbf)) > now_ms + LEEWAY_MS:
            raise AuthenticationRefused("The token is not valid yet.", point=validation.AUTH_NOT_YET)
        if now_ms >= expires_ms + LEEWAY_MS:
            raise AuthenticationRefused(
                CATALOGUE["token_expired"].text, kind="token_expired", point=validation.AUTH_EXPIRED
            )
        is_foreign = source.kind == "oidc"
        user_id = user_id_of_subject(claims.iss, claims.sub) if is_foreign else claims.sub
        if not is_valid_id(user_id):
            raise AuthenticationRefused(
                "The token's subject is a placeholder or not a valid user id.",
                point=validation.AUTH_SUBJECT,
                field="sub",
                hint="Issue the token for a user id that starts with a letter or digit and contains only "
                "letters, digits and . _ : -.",
            )
        return Identity(
            user_id=user_id,
            scopes=_scopes(claims.scope, _OIDC_SCOPE_PREFIX if is_foreign else ""),
            # Leeway is for a token that comes late. One that came in time ends when it says, on the second.
            expires_at_ms=expires_ms if now_ms < expires_ms else expires_ms + LEEWAY_MS,
            issued_at_ms=issued_ms,
            token_id=claims.jti[:128],
            issuer=claims.iss,
        )

    def standing(self, identity: Identity) -> Identity:
        """The identity, if it is still valid at this moment. Raises ``AuthenticationRefused`` (``revoked``)."""
        if self._revocations.is_revoked(identity):
            raise AuthenticationRefused(CATALOGUE["revoked"].text, kind="revoked", point=validation.AUTH_REVOKED)
        return identity


def require_identity(identity: Identity | None) -> Identity:
    """Raises ``AuthenticationRefused`` (``unauthenticated``) if there are no credentials."""
    if identity is None:
        raise AuthenticationRefused(CATALOGUE["unauthenticated"].text, point=validation.AUTH_MISSING)
    return identity


def check_path_user(identity: Identity, user_id: str) -> None:
    """Raises ``AuthenticationRefused`` (``user_mismatch``) if a path names another user than the token."""
    if user_id != identity.user_id:
        raise AuthenticationRefused(
            CATALOGUE["user_mismatch"].text, kind="user_mismatch", point=validation.AUTH_PATH_USER, field="user_id"
        )


def require_scope(identity: Identity, scope: str) -> None:
    """Raises ``AuthenticationRefused`` (``forbidden``) if the user lacks the scope."""
    if scope not in identity.scopes:
        raise AuthenticationRefused(
            f"This needs a token with the scope {scope}.", kind="forbidden", point=validation.AUTH_SCOPE
        )


def _read(token: str) -> tuple[_Header, _Claims]:
    """A token's header and claims, unproved; empty ones where it is none."""
    parts = token.split(".", 3)
    if len(token) > MAX_TOKEN_CHARACTERS or len(parts) != 3:
        return _Header(), _Claims()
    return _part(parts[0], _Header), _part(parts[1], _Claims)


def _part(text: str, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=="), type=shape)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return shape()


def _is_signed(token: str, key: Any, algorithms: Sequence[str]) -> bool:
    try:
        _JWS.decode_complete(token, key, algorithms=algorithms)
    except (PyJWTError, TypeError, ValueError):  # the last two: a key of another kind than the algorithm's
        return False
    return True


def _scopes(claimed: str | list[str], prefix: str) -> frozenset[str]:
    """The scopes that count. Of an OIDC issuer only those that begin with ``netra:``: its other scopes are about other
    things, and some issuers give any scope to whoever asks for it."""
    words = claimed.split() if isinstance(claimed, str) else claimed
    ours = (word.removeprefix(prefix) for word in words[:_MAX_SCOPES] if word.startswith(prefix))
    return frozenset({EVERYBODY, *(word for word in ours if _SCOPE(word))})


def _ms(seconds: float) -> int:
    return round(min(max(seconds, 0.0), _FAR_SECONDS) * 1000)
