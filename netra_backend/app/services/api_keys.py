"""API keys: how programs sign in as their user, for as long as the user lets them, and for less than the user may."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from ..core import key_points
from ..core.api_keys import (
    ID_BYTES,
    KEY_SCOPES,
    OF_OPERATORS,
    SECRET_BYTES,
    USED_MS,
    ApiKey,
    digest_of,
    id_of,
    parts_of,
    secret_of,
    written,
)
from ..core.error_catalogue import CATALOGUE
from ..core.errors import AuthenticationRefused, DependencyUnavailable, FrameRefused, LimitRefused, NotFound
from ..core.identity import EVERYBODY, Identity
from ..core.limits import Limits
from ..ports import Clock, Entropy
from ..sign_in_ports import ApiKeyStore
from .revocations import Revocations

MOST_AGENTS: Final = 32
MOST_NAME: Final = 64
_MOST_AGENT_NAME: Final = 128
KNOWN: Final = 10_000
"""So many keys that were shown lately are looked up apart from what anybody may show."""
_DAY_MS: Final = 86_400_000
_NOBODY: Final = bytes(32)
"""The digest of no secret."""


@dataclass(frozen=True, slots=True)
class WantedKey:
    """What a key is to be: ``scopes`` of ``KEY_SCOPES``; the ``agents`` that it may ask, by their names, all if there are none;
    until when it lasts, in ms since 1970 UTC, as long as one may if it is ``None``."""

    name: str
    scopes: Iterable[str] = (EVERYBODY,)
    agents: Iterable[str] = ()
    expires_at: int | None = None


class ApiKeys:
    """The keys of all users. A key is returned once, when it is made; only a digest of it is kept."""

    def __init__(
        self, store: ApiKeyStore, revocations: Revocations, clock: Clock, entropy: Entropy, limits: Limits
    ) -> None:
        self._store = store
        self._revocations = revocations
        self._clock = clock
        self._entropy = entropy
        self._limits = limits
        self._known: OrderedDict[bytes, str] = OrderedDict()
        """Whose keys stood when they were shown last, by their digests."""

    async def make(self, maker: Identity, wanted: WantedKey) -> tuple[ApiKey, str]:
        """A new key of this user, and how it is written.

        Raises ``FrameRefused`` for a name, scopes, agents or an end that cannot be, or a name that another one has;
        ``AuthenticationRefused`` for a scope that the maker does not have (``forbidden``), or if another process has ended the
        maker's sign-in (``revoked``); ``LimitRefused`` if the user has too
        many, or deleted too many of late; and ``DependencyUnavailable``.
        """
        now_ms = self._clock.now_ms()
        scopes = _scopes_of(wanted, maker)
        expires_ms = self._end_of(wanted, now_ms)
        secret = secret_of(self._entropy.take(SECRET_BYTES))
        key = ApiKey(
            id_of(self._entropy.take(ID_BYTES)),
            maker.user_id,
            _name_of(wanted),
            digest_of(secret),
            scopes,
            _agents_of(wanted),
            maker.plan,
            min(now_ms, maker.issued_at_ms),
            now_ms,
            expires_ms,
        )
        _check_room(
            self._revocations.has_room(maker.user_id, now_ms),
            "Too many of your API keys and sign-ins were ended within a day.",
            "Use a key that you have, or try again tomorrow.",
        )
        added = await self._store.add(key, self._limits.api_keys, maker.token_id)
        if added == "ended":
            raise AuthenticationRefused(CATALOGUE["revoked"].text, kind="revoked", point=key_points.KEY_MAKER)
        if added == "named":
            raise FrameRefused(
                "You have an API key of that name.",
                kind="conflict",
                field="name",
                hint="Take another name, or delete that key first.",
                point=key_points.KEY_NAMED,
            )
        _check_room(
            added != "full",
            f"You have {self._limits.api_keys} API keys, and no room for another.",
            "Delete one, or ask the operator to raise NETRA_LIMIT_API_KEYS.",
        )
        return key, written(key.key_id, secret)

    async def of(self, owner: str) -> list[ApiKey]:
        """The owner's keys, by their names; those that have expired, too."""
        return await self._store.of(owner)

    async def delete(self, owner: str, key_id: str) -> ApiKey:
        """Delete a key: it opens nothing any more, and what was begun with it ends, wherever it is. Raises ``NotFound`` if the
        owner has none of that id."""
        key = next((key for key in await self._store.of(owner) if key.key_id == key_id), None)
        if key is None:
            raise NotFound("There is no such API key.", field="key_id", point=key_points.KEY_OWNED)
        await self._revocations.revoke_key(key, self._clock.now_ms())
        await self._store.remove(owner, key_id)
        return key

    async def verify(self, credential: str) -> Identity:
        """Whom a key proves. Raises ``AuthenticationRefused``, in the same words whether there is no such key or this is not its
        secret, and ``DependencyUnavailable``."""
        parts = parts_of(credential)
        known = digest_of(credential)
        key = await self._store.find(parts[0], self._known.get(known, "")) if parts is not None else None
        is_it = compare_digest(digest_of(parts[1] if parts else ""), key.digest if key is not None else _NOBODY)
        if key is None or not is_it:
            self._known.pop(known, None)
            raise AuthenticationRefused(
                "The API key is malformed, was deleted, or never was.",
                point=key_points.AUTH_KEY,
                hint="Make a new one: POST /api/keys, or netra key create NAME.",
            )
        now_ms = self._clock.now_ms()
        if key.issued_ms > now_ms:
            await self._revocations.saw_ahead(key.owner, key.issued_ms, now_ms)
        if now_ms - key.used_ms >= USED_MS:
            with suppress(DependencyUnavailable):  # the user sees it, and nothing depends on it
                await self._store.used(key.owner, key.key_id, now_ms)
        return key.identity

    def stood(self, credential: str, owner: str | None) -> None:
        """The key proved its owner, and stands, or does not (``None``): from now on it is looked up in its owner's turn, or among
        what anybody may show."""
        known = digest_of(credential)
        self._known.pop(known, None)
        if owner is not None:
            self._known[known] = owner
            if len(self._known) > KNOWN:
                self._known.popitem(last=False)

    def _end_of(self, wanted: WantedKey, now_ms: int) -> int:
        days = self._limits.api_key_days
        latest = now_ms + days * _DAY_MS
        end = latest if wanted.expires_at is None else wanted.expires_at
        _check_form(
            now_ms < end <= latest,
            "expires_at",
            f"An API key ends in the future, within {days} days.",
            "Give milliseconds since 1970 UTC, or leave it out. Operators can raise NETRA_LIMIT_API_KEY_DAYS.",
        )
        return end


def _name_of(wanted: WantedKey) -> str:
    name = wanted.name
    fits = 0 < len(name) <= MOST_NAME and name.isprintable() and name == name.strip()
    _check_form(fits, "name", f"A name has 1 to {MOST_NAME} printable characters, and no blank at its ends.")
    return name


def _scopes_of(wanted: WantedKey, maker: Identity) -> frozenset[str]:
    scopes = frozenset(wanted.scopes)
    fits = bool(scopes) and scopes.issubset(KEY_SCOPES)
    _check_form(fits, "scopes", "An API key has one or more scopes.", f"Scopes are {', '.join(KEY_SCOPES)}.")
    lacking = (scopes & OF_OPERATORS) - maker.scopes
    if lacking and not maker.is_admin:
        raise AuthenticationRefused(
            f"You cannot give away the scope {min(lacking)}, as you do not have it.",
            kind="forbidden",
            point=key_points.KEY_SCOPE,
            hint="Ask an operator to make the key.",
        )
    return scopes


def _agents_of(wanted: WantedKey) -> frozenset[str]:
    agents = frozenset(wanted.agents)
    fits = len(agents) <= MOST_AGENTS and all(0 < len(name) <= _MOST_AGENT_NAME for name in agents)
    _check_form(fits, "agents", f"An API key names at most {MOST_AGENTS} agents.", "GET /api/agents lists them.")
    return agents


def _check_form(fits: bool, field: str, message: str, hint: str | None = None) -> None:
    if not fits:
        raise FrameRefused(message, field=field, hint=hint, point=key_points.KEY_FORM)


def _check_room(has_room: bool, message: str, hint: str) -> None:
    if not has_room:
        raise LimitRefused(message, kind="payload_too_large", hint=hint, point=key_points.KEY_ROOM)
