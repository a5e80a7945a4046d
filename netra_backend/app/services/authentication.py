"""Who is asking: a credential in, a proved ``Identity`` or a refusal out. Done for each connection and HTTP request.

Nothing of a token is believed before its signature holds under a key of the source that its issuer belongs to, with an
algorithm that the operator pinned. Whether what it says of itself stands is ``standing``'s to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..config import TokenSource
from ..core import key_points, plan_points, validation
from ..core.api_keys import looks_like_a_key
from ..core.error_catalogue import CATALOGUE
from ..core.errors import AuthenticationRefused
from ..core.identity import CREDENTIAL_KINDS, DEFAULT_MAX_LIFETIME_S, Identity, TicketUse
from ..core.limits import USUAL
from ..core.plans import Plans
from ..ports import Clock
from ..sign_in_ports import KeySet
from .api_keys import ApiKeys
from .credentials import Credentials
from .revocations import Revocations
from .standing import ahead_ms, check_standing, identity_of
from .tickets import TicketOffice
from .token_reading import claim_of, is_signed, read_token


@dataclass(frozen=True, slots=True)
class TrustedSource:
    """A source of tokens with the keys that it signs with."""

    source: TokenSource
    keys: KeySet


class Authentication:
    """Verifies tokens, tickets and API keys. The first source is the operator's own key if there is one; a token may live for
    ``max_lifetime_s`` seconds from its issue to its expiry. With ``plans``, the claim ``plan_claim`` names the plan of its
    user."""

    def __init__(
        self,
        sources: Sequence[TrustedSource],
        revocations: Revocations,
        tickets: TicketOffice,
        api_keys: ApiKeys,
        clock: Clock,
        *,
        max_lifetime_s: int = DEFAULT_MAX_LIFETIME_S,
        token_characters: int = USUAL.token_characters,
        plans: Plans | None = None,
        plan_claim: str = "plan",
    ) -> None:
        if not sources:
            raise ValueError("authentication needs a source of tokens")
        self._sources = tuple(sources)
        self._revocations = revocations
        self._tickets = tickets
        self._api_keys = api_keys
        self._clock = clock
        self._max_lifetime_ms = max_lifetime_s * 1000
        self._token_characters = token_characters
        self._plans = plans
        self._plan_claim = plan_claim

    async def identify(self, credentials: Credentials, use: TicketUse | None) -> Identity | None:
        """Who these credentials prove; ``None`` if there are none (a first frame may bring a token yet). ``use`` is what they
        are shown for, as a ticket can open it; ``None`` for what no ticket opens.

        Raises as ``verify`` does.
        """
        if credentials.token is not None:
            return await self.verify(credentials.token)
        if credentials.ticket is not None:
            return self.standing(await self._tickets.redeem(credentials.ticket, use))
        return None

    async def verify(self, token: str) -> Identity:
        """Who this token, or API key, proves.

        Raises ``AuthenticationRefused`` (``unauthenticated``, ``token_not_yet_valid``, ``token_expired``, ``revoked``), and
        ``DependencyUnavailable`` if the issuer's keys are not available.
        """
        if looks_like_a_key(token):
            return await self._by_key(token)
        header, claims = read_token(token, self._token_characters)
        trusted = next((each for each in self._sources if each.source.issuer == claims.iss), self._sources[0])
        source = trusted.source
        if header.alg not in source.algorithms:
            raise AuthenticationRefused(
                "The token is malformed, or its algorithm is not accepted here.", point=validation.AUTH_ALGORITHM
            )
        key = await trusted.keys.find(header.kid, header.alg)
        if key is None or not is_signed(token, key, source.algorithms):
            raise AuthenticationRefused(
                "The token is not signed with a key that this server trusts.", point=validation.AUTH_SIGNATURE
            )
        now_ms = self._clock.now_ms()
        identity = identity_of(source, header, claims, now_ms, self._max_lifetime_ms)
        issued_ahead_ms = ahead_ms(source, claims, now_ms)
        if issued_ahead_ms is not None:
            await self._revocations.saw_ahead(identity.user_id, issued_ahead_ms, now_ms)
        if self._plans is not None:
            identity = replace(identity, plan=self._plan_in(token, self._plans))
        return self.standing(identity)

    async def _by_key(self, key: str) -> Identity:
        owner: str | None = None
        identity = await self._api_keys.verify(key)
        try:
            identity = self.standing(self._of_a_known_plan(identity))
            owner = identity.user_id
        finally:
            self._api_keys.stood(key, owner)
        return identity

    def _plan_in(self, token: str, plans: Plans) -> str:
        """The plan that a token names; empty if it names none. Raises ``AuthenticationRefused``: to give such a user other bounds
        than its issuer meant would be worse."""
        named = claim_of(token, self._plan_claim)
        return "" if named is None or named == "" else self._known_plan(named, plans, "token")

    def _of_a_known_plan(self, identity: Identity) -> Identity:
        if identity.plan and self._plans is not None:
            self._known_plan(identity.plan, self._plans, "API key")
        return identity

    def _known_plan(self, named: object, plans: Plans, credential: str) -> str:
        if not isinstance(named, str) or not plans.has(named):
            raise AuthenticationRefused(
                f"The {credential} names a plan that this server does not have.",
                point=plan_points.AUTH_PLAN,
                field=self._plan_claim,
                hint="Ask the operator to add it to plans.toml, or sign in for a plan that is in it.",
            )
        return named

    def standing(self, identity: Identity) -> Identity:
        """The identity, if it stands at this moment. Raises ``AuthenticationRefused``."""
        return check_standing(identity, self._clock.now_ms(), self._revocations)


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


def require_scope(identity: Identity, scope: str, *others: str) -> None:
    """Raises ``AuthenticationRefused`` (``forbidden``) if the sign-in has neither this scope nor one of the ``others``."""
    if identity.scopes.isdisjoint((scope, *others)):
        raise AuthenticationRefused(
            f"This needs a sign-in with the scope {scope}.", kind="forbidden", point=validation.AUTH_SCOPE
        )


def require_manager(identity: Identity) -> None:
    """Raises ``AuthenticationRefused`` (``forbidden``) for a sign-in by an API key or a ticket: what can be given away, or lies
    in programs, makes no other credential, changes none, and deletes nobody."""
    if not CREDENTIAL_KINDS[identity.kind].manages:
        raise AuthenticationRefused(
            "This cannot be done with an API key or a ticket.",
            kind="forbidden",
            point=key_points.AUTH_MANAGES,
            hint="Sign in with a token.",
        )
