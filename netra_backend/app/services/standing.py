"""Whether an identity stands at this moment: the one place that decides it, for every kind of credential.

``identity_of`` judges what a token says of itself, once its signature holds; ``check_standing`` judges the identity that came
of it, and is asked again at every use: by each request, handshake and first frame, each second of a live connection or
transfer, and when a ticket is redeemed.

What a revocation guarantees: no sign-in stands that can have been issued before it. An issuer's clock may be
``CLOCK_LEEWAY_MS`` ahead of this server's, and nothing in a token shows it, so a token counts only if its ``iat`` is more
than the leeway after the revocation. A user who signs in again at once is therefore refused until the leeway is over, and
needs a token that was issued after it. A token of the data directory's own key that says that its ``iat`` is by the server's
clock (``token_minting``) is compared as it is: such a sign-in counts from the next millisecond on. If such a token is ever seen
with an issue time that lies ahead, the clock was set back since: a revocation up to then stays about it (``saw_ahead``).
"""

from __future__ import annotations

from typing import Final, Protocol

from ..config import TokenSource
from ..core import validation
from ..core.error_catalogue import CATALOGUE
from ..core.errors import AuthenticationRefused
from ..core.identity import (
    CLOCK_LEEWAY_MS,
    CREDENTIAL_KINDS,
    EVERYBODY,
    MAX_TOKEN_ID,
    Identity,
    is_scope,
    user_id_of_subject,
)
from ..core.ids import is_valid_id
from .token_minting import SERVER_CLOCK
from .token_reading import Claims, Header

_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_MAX_SCOPES: Final = 32
_FAR_SECONDS: Final = 1e11
_OIDC_SCOPE_PREFIX: Final = "netra:"


class KnowsRevocations(Protocol):
    """What knows which sign-ins were revoked."""

    def revoked_since_ms(self, identity: Identity) -> int | None:
        """When this sign-in was revoked (ms); ``None`` if it was not."""


def check_standing(identity: Identity, now_ms: int, revocations: KnowsRevocations) -> Identity:
    """The identity, if it stands at this moment. Raises ``AuthenticationRefused`` (``unauthenticated``, ``token_expired``,
    ``revoked``)."""
    if identity.kind not in CREDENTIAL_KINDS:
        raise AuthenticationRefused("This kind of credential is not accepted here.", point=validation.AUTH_KIND)
    ends_at_ms = identity.ends_at_ms
    if ends_at_ms is not None and now_ms >= ends_at_ms:
        raise AuthenticationRefused(
            CATALOGUE["token_expired"].text, kind="token_expired", point=validation.AUTH_EXPIRED
        )
    revoked_ms = revocations.revoked_since_ms(identity)
    if revoked_ms is not None:
        raise AuthenticationRefused(
            CATALOGUE["revoked"].text,
            kind="revoked",
            hint=_hint_after(revoked_ms, now_ms),
            point=validation.AUTH_REVOKED,
        )
    return identity


def identity_of(source: TokenSource, header: Header, claims: Claims, now_ms: int, max_lifetime_ms: int) -> Identity:
    """What a token comes to whose signature holds under a key of this source. Raises ``AuthenticationRefused``
    (``unauthenticated``, ``token_not_yet_valid``).

    A start time that was reached once stays reached: a clock that is set back later ends no live connection.
    """
    if claims.events is not None or (header.typ is not None and header.typ.lower() not in _TYPES):
        raise AuthenticationRefused(
            "The token was made for another purpose than signing in.",
            point=validation.AUTH_TYPE,
            hint="Send an access token: its header has no typ, or JWT or at+jwt.",
        )
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
    if expires_ms - issued_ms > max_lifetime_ms:
        raise AuthenticationRefused(
            f"The token lives longer than this server allows: at most {max_lifetime_ms // 1000} seconds.",
            point=validation.AUTH_LIFETIME,
            field="exp",
            hint="Get a token that expires sooner. Operators can raise NETRA_JWT_MAX_LIFETIME_S.",
        )
    if max(issued_ms, _ms(claims.nbf)) > now_ms + CLOCK_LEEWAY_MS:
        raise AuthenticationRefused(
            CATALOGUE["token_not_yet_valid"].text, kind="token_not_yet_valid", point=validation.AUTH_NOT_YET
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
    is_exact = is_by_our_clock(source, claims) and issued_ms <= now_ms
    return Identity(
        user_id=user_id,
        scopes=_scopes(claims.scope, _OIDC_SCOPE_PREFIX if is_foreign else ""),
        expires_at_ms=expires_ms,
        issued_at_ms=issued_ms if is_exact else issued_ms - CLOCK_LEEWAY_MS,
        token_id=claims.jti[:MAX_TOKEN_ID],
        issuer=claims.iss,
    )


def is_by_our_clock(source: TokenSource, claims: Claims) -> bool:
    """Whether the issue time of a token of this source is by this server's own clock."""
    return source.kind == "development" and claims.netra_clock == SERVER_CLOCK


def ahead_ms(source: TokenSource, claims: Claims, now_ms: int) -> int | None:
    """The issue time of a token that is by this server's own clock and lies ahead of it: the clock was set back since. ``None``
    for any other."""
    issued_ms = _ms(claims.iat)
    return issued_ms if is_by_our_clock(source, claims) and issued_ms > now_ms else None


def _hint_after(revoked_ms: int, now_ms: int) -> str | None:
    """What to do after a revocation of a moment ago, when a new token may be refused, too."""
    wait_ms = revoked_ms + CLOCK_LEEWAY_MS - now_ms
    if not 0 < wait_ms <= CLOCK_LEEWAY_MS:
        return None
    return f"Sign in again. If that is refused, too, do so in {wait_ms // 1000 + 1} seconds."


def _scopes(claimed: str | list[str], prefix: str) -> frozenset[str]:
    """The scopes that count. Of an OIDC issuer only those that begin with ``netra:``: its other scopes are about other
    things, and some issuers give any scope to whoever asks for it."""
    words = claimed.split() if isinstance(claimed, str) else claimed
    ours = (word.removeprefix(prefix) for word in words[:_MAX_SCOPES] if word.startswith(prefix))
    return frozenset({EVERYBODY, *(word for word in ours if is_scope(word))})


def _ms(seconds: float) -> int:
    return round(min(max(seconds, 0.0), _FAR_SECONDS) * 1000)
