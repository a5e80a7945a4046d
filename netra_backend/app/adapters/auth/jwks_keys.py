"""Keys that an issuer publishes (``ports.KeySet``): a JWKS address, or an OIDC issuer that tells its own."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, TypeVar

import httpx
import msgspec
from jwt import PyJWK, PyJWTError

from ...core.errors import DependencyUnavailable
from ...core.limits import USUAL, Limits
from ...core.settings_values import issuer_url
from ...ports import Clock

RETRY_S: Final = 5.0
_MAX_KEYS: Final = 100
_PLAIN: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}  # so that the bound holds what is read
_ASYMMETRIC: Final = frozenset({"RSA", "EC", "OKP"})

_FETCH_FAULTS: Final = (
    httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, msgspec.MsgspecError, RecursionError,
)  # fmt: skip

_LOG = logging.getLogger(__name__)
Shape = TypeVar("Shape", bound=msgspec.Struct)


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class _Discovery(msgspec.Struct, frozen=True):
    issuer: str
    jwks_uri: str


class JwksKeys:
    """The keys of one issuer, fetched when they are needed and by one request at a time.

    Nothing that a client sends makes us fetch more often than every ``key_set_refetch_s`` seconds. Keys are fetched again when
    they are older than ``key_set_fresh_s``: a key that was withdrawn stops counting by then. While the issuer does not answer,
    keys that it once told count for ``key_set_stale_s``.
    """

    def __init__(self, clock: Clock, limits: Limits = USUAL, *, url: str = "", issuer: str = "") -> None:
        """``url`` is the key set's address; or ``issuer`` is one whose discovery document names it."""
        self._clock = clock
        self._limits = limits
        self._url = url
        self._issuer = issuer
        self._client: httpx.AsyncClient | None = None
        self._published: dict[str, dict[str, Any]] = {}
        self._ready: dict[tuple[str, str], PyJWK | None] = {}
        self._fetched: float | None = None
        self._may_fetch_at = float("-inf")
        self._turn = asyncio.Lock()

    async def find(self, kid: str | None, algorithm: str) -> Any | None:
        if self._age() > self._limits.key_set_fresh_s:
            await self._fetch_unless_just_done()
        if self._age() > self._limits.key_set_stale_s:
            raise DependencyUnavailable(
                "The signing keys of the token's issuer are unavailable.", retry_after_ms=round(RETRY_S * 1000)
            )
        if kid is not None and kid not in self._published:
            await self._fetch_unless_just_done()
        if kid is None and len(self._published) == 1:
            kid = next(iter(self._published))
        return None if kid is None else self._key(kid, algorithm)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self._clock.monotonic() - self._fetched

    def _key(self, kid: str, algorithm: str) -> PyJWK | None:
        """The key as PyJWT takes it, made once; ``None`` where it is not for this algorithm."""
        published = self._published.get(kid)
        if published is None or published.get("alg", algorithm) != algorithm:
            return None
        if (kid, algorithm) not in self._ready:
            try:
                self._ready[kid, algorithm] = PyJWK(published, algorithm)
            except (PyJWTError, KeyError, TypeError, ValueError):
                self._ready[kid, algorithm] = None
        return self._ready[kid, algorithm]

    async def _fetch_unless_just_done(self) -> None:
        async with self._turn:
            if self._clock.monotonic() < self._may_fetch_at:
                return
            try:
                async with asyncio.timeout(self._limits.key_set_s):
                    published = await self._fetch()
            except _FETCH_FAULTS as fault:
                _LOG.warning("could not fetch the signing keys of %s: %s", self._issuer or self._url, fault)
                self._may_fetch_at = self._clock.monotonic() + RETRY_S
                return
            self._published, self._ready = published, {}
            self._fetched = self._clock.monotonic()
            self._may_fetch_at = self._fetched + self._limits.key_set_refetch_s

    async def _fetch(self) -> dict[str, dict[str, Any]]:
        """The published keys that check signatures, by name. Keys that both sides share are no keys to publish."""
        answer = await self._get(self._url or await self._discovered(), _KeySet)
        usable = (
            key for key in answer.keys[:_MAX_KEYS] if key.get("kty") in _ASYMMETRIC and key.get("use", "sig") == "sig"
        )
        return {str(key.get("kid", "")): key for key in usable}

    async def _discovered(self) -> str:
        found = await self._get(self._issuer.rstrip("/") + "/.well-known/openid-configuration", _Discovery)
        if found.issuer != self._issuer:
            raise ValueError(f"the document found there belongs to {found.issuer[:200]!r}")
        return issuer_url(found.jwks_uri)

    async def _get(self, url: str, shape: type[Shape]) -> Shape:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=self._limits.key_set_s, follow_redirects=False)
        content = bytearray()
        async with self._client.stream("GET", url, headers=_PLAIN) as response:
            if response.status_code != 200:
                raise ValueError(f"{url} answered with status {response.status_code}")
            async for part in response.aiter_raw():
                content += part
                if len(content) > self._limits.key_set_bytes:
                    raise ValueError(f"{url} answered with more than {self._limits.key_set_bytes} bytes")
        return msgspec.json.decode(content, type=shape)
