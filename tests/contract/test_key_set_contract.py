"""What every set of an issuer's keys promises (``ports.KeySet``): one suite over all adapters.

A key is judged by what it is for: the tokens that PyJWT verifies with it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from netra_backend.app.adapters.auth.jwks_keys import JwksKeys
from netra_backend.app.adapters.auth.static_keys import StaticKeys
from netra_backend.app.config import DEVELOPMENT, TokenSource
from netra_backend.app.sign_in_ports import KeySet
from test_framework.clock import ManualClock
from test_framework.issuer import publishing

SECRET, OTHER_SECRET = b"s" * 32, b"o" * 32
PRIVATE, OTHER_PRIVATE = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
JWK = {**json.loads(ECAlgorithm.to_jwk(PRIVATE.public_key())), "kid": "k1"}


@dataclass(frozen=True)
class Signed:
    """A set, the algorithm of its issuer, what the issuer signs with, and what somebody else does."""

    keys: KeySet
    algorithm: str
    own: Any
    foreign: Any

    async def accepts(self, signed_with: Any, kid: str | None) -> bool:
        token = jwt.encode({"sub": "user_ada"}, signed_with, self.algorithm, {"kid": kid} if kid else None)
        key = await self.keys.find(kid, self.algorithm)
        assert key is not None
        try:
            jwt.decode(token, key, [self.algorithm])
        except jwt.InvalidSignatureError:
            return False
        return True


@pytest.fixture(params=["development", "secret", "public key", "jwks", "oidc"])
async def signed(request: pytest.FixtureRequest, no_proxy: None) -> AsyncIterator[Signed]:
    async with publishing([JWK]) as issuer:
        keys: KeySet
        match request.param:
            case "development":
                keys = StaticKeys(DEVELOPMENT, SECRET)
            case "secret":
                keys = StaticKeys(TokenSource("secret", ("HS256",), secret=SECRET))
            case "public key":
                keys = StaticKeys(TokenSource("public_key", ("ES256",), public_key=PEM))
            case "jwks":
                keys = JwksKeys(ManualClock(), url=f"{issuer.url}/jwks")
            case _:
                keys = JwksKeys(ManualClock(), issuer=issuer.url)
        if request.param in ("development", "secret"):
            yield Signed(keys, "HS256", SECRET, OTHER_SECRET)
        else:
            yield Signed(keys, "ES256", PRIVATE, OTHER_PRIVATE)
        await keys.close()


@pytest.mark.parametrize("kid", [None, "k1"])
async def test_what_the_issuer_signed_is_verified_whether_or_not_the_token_names_the_key(
    signed: Signed, kid: str | None
) -> None:
    assert await signed.accepts(signed.own, kid)


@pytest.mark.parametrize("kid", [None, "k1"])
async def test_what_somebody_else_signed_is_not(signed: Signed, kid: str | None) -> None:
    assert not await signed.accepts(signed.foreign, kid)


async def test_all_who_ask_at_once_get_the_same_key(signed: Signed) -> None:
    first, *others = await asyncio.gather(*(signed.keys.find("k1", signed.algorithm) for _ in range(20)))
    assert first is not None
    assert all(other is first for other in others)


async def test_a_set_may_be_closed_twice_and_before_it_was_asked(signed: Signed) -> None:
    await signed.keys.close()
    await signed.keys.close()
