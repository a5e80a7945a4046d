"""Keys that an issuer publishes, from a real HTTP server on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from netra_backend.app.adapters.auth.jwks_keys import RETRY_S, JwksKeys
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.limits import USUAL, Limits
from netra_backend.app.sign_in_ports import KeySet
from test_framework.clock import ManualClock
from test_framework.issuer import Issuer, publishing

CURVE = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
RSA_KEY = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65_537, 2048).public_key()))
EDWARDS = json.loads(OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key()))


pytestmark = pytest.mark.usefixtures("no_proxy")


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with publishing([{**CURVE, "kid": "k1"}]) as told:
        yield told


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def keys(issuer: Issuer, clock: ManualClock) -> AsyncIterator[JwksKeys]:
    keys = JwksKeys(clock, url=f"{issuer.url}/jwks")
    yield keys
    await keys.close()


async def test_a_key_is_found_by_its_name_with_one_request(keys: KeySet, issuer: Issuer) -> None:
    found = await asyncio.gather(*(keys.find("k1", "ES256") for _ in range(20)))
    assert all(isinstance(key, PyJWK) and key is found[0] for key in found)
    assert issuer.asked == ["/jwks"]


async def test_an_issuer_tells_where_its_keys_are(issuer: Issuer, clock: ManualClock) -> None:
    keys = JwksKeys(clock, issuer=issuer.url)
    assert await keys.find("k1", "ES256") is not None
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]
    await keys.close()


@pytest.mark.parametrize(
    "tell",
    [
        lambda issuer: setattr(issuer, "told_issuer", "https://somebody.example"),
        lambda issuer: setattr(issuer, "told_keys_url", "http://keys.example.com/jwks"),
        lambda issuer: setattr(issuer, "told_keys_url", "file:///etc/passwd"),
    ],
)
async def test_a_discovery_document_of_somebody_else_or_without_safe_keys_is_not_taken(
    issuer: Issuer, clock: ManualClock, tell: Callable[[Issuer], None]
) -> None:
    tell(issuer)
    keys = JwksKeys(clock, issuer=issuer.url)
    with pytest.raises(DependencyUnavailable):
        await keys.find("k1", "ES256")
    assert issuer.asked == ["/.well-known/openid-configuration"]
    await keys.close()


async def test_unknown_key_names_make_us_ask_once_in_a_while_and_no_more(
    keys: JwksKeys, issuer: Issuer, clock: ManualClock
) -> None:
    await keys.find("k1", "ES256")
    for number in range(50):
        assert await keys.find(f"unknown-{number}", "ES256") is None
    assert len(issuer.asked) == 1
    clock.advance(s=USUAL.key_set_refetch_s)
    await asyncio.gather(*(keys.find(f"unknown-{number}", "ES256") for number in range(50)))
    assert len(issuer.asked) == 2


async def test_a_new_key_is_found_and_a_withdrawn_one_is_not(
    keys: JwksKeys, issuer: Issuer, clock: ManualClock
) -> None:
    await keys.find("k1", "ES256")
    issuer.keys = [{**CURVE, "kid": "k2"}]
    assert await keys.find("k2", "ES256") is None
    clock.advance(s=USUAL.key_set_refetch_s)
    assert await keys.find("k2", "ES256") is not None
    assert await keys.find("k1", "ES256") is None


async def test_keys_are_fetched_again_when_they_are_old(keys: JwksKeys, issuer: Issuer, clock: ManualClock) -> None:
    await keys.find("k1", "ES256")
    clock.advance(s=USUAL.key_set_fresh_s)
    await keys.find("k1", "ES256")
    assert len(issuer.asked) == 1
    clock.advance(s=1)
    await keys.find("k1", "ES256")
    assert len(issuer.asked) == 2


async def test_while_the_issuer_is_away_its_keys_count_for_a_day(
    keys: JwksKeys, issuer: Issuer, clock: ManualClock
) -> None:
    await keys.find("k1", "ES256")
    issuer.status = 500
    clock.advance(s=USUAL.key_set_stale_s)
    assert await keys.find("k1", "ES256") is not None
    clock.advance(s=1)
    with pytest.raises(DependencyUnavailable) as unavailable:
        await keys.find("k1", "ES256")
    assert unavailable.value.retry_after_ms == RETRY_S * 1000
    issuer.status = 200
    clock.advance(s=RETRY_S)
    assert await keys.find("k1", "ES256") is not None


async def test_an_issuer_that_is_away_is_not_asked_by_every_token(
    keys: JwksKeys, issuer: Issuer, clock: ManualClock
) -> None:
    issuer.status = 503
    for _ in range(10):
        with pytest.raises(DependencyUnavailable):
            await keys.find("k1", "ES256")
    assert len(issuer.asked) == 1
    clock.advance(s=RETRY_S)
    issuer.status = 200
    assert await keys.find("k1", "ES256") is not None


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"<html>", "", 200),
        (b"[" * 100_000, "", 200),
        (b'{"keys": 5}', "", 200),
        (b'{"keys": []' + b" " * 262_144 + b"}", "", 200),
        (b"", "Location: http://127.0.0.1:1/\r\n", 302),
    ],
)
async def test_an_answer_that_is_no_key_set_is_not_taken(
    keys: JwksKeys, issuer: Issuer, body: bytes, headers: str, status: int
) -> None:
    issuer.body, issuer.extra_headers, issuer.status = body, headers, status
    with pytest.raises(DependencyUnavailable):
        await keys.find("k1", "ES256")
    assert len(issuer.asked) == 1


async def test_an_issuer_that_never_answers_is_given_up(
    keys: JwksKeys, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_limits", Limits(key_set_s=0.01))
    issuer.let_go.clear()
    with pytest.raises(DependencyUnavailable):
        await keys.find("k1", "ES256")
    issuer.let_go.set()


async def test_a_token_without_a_key_name_means_the_only_key(
    keys: JwksKeys, issuer: Issuer, clock: ManualClock
) -> None:
    assert await keys.find(None, "ES256") is not None
    issuer.keys = [{**CURVE, "kid": "k1"}, {**CURVE, "kid": "k2"}]
    clock.advance(s=USUAL.key_set_fresh_s + 1)
    assert await keys.find(None, "ES256") is None


async def test_a_key_counts_for_its_own_algorithms_alone(keys: JwksKeys, issuer: Issuer) -> None:
    issuer.keys = [
        {**CURVE, "kid": "curve"},
        {**RSA_KEY, "kid": "rsa"},
        {**RSA_KEY, "kid": "rsa-512", "alg": "RS512"},
        {**EDWARDS, "kid": "edwards"},
    ]
    for kid, algorithm in (
        ("curve", "ES256"),
        ("rsa", "RS256"),
        ("rsa", "PS384"),
        ("rsa-512", "RS512"),
        ("edwards", "EdDSA"),
    ):
        assert await keys.find(kid, algorithm) is not None, kid
    for kid, algorithm in (
        ("curve", "RS256"),
        ("rsa", "ES256"),
        ("rsa-512", "RS256"),
        ("edwards", "ES256"),
        ("rsa", "HS256"),
    ):
        assert await keys.find(kid, algorithm) is None, kid


async def test_keys_that_check_no_signatures_or_are_broken_or_too_many_are_left_out(
    keys: JwksKeys, issuer: Issuer
) -> None:
    issuer.keys = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        {**CURVE, "kid": "encrypting", "use": "enc"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": 5},
        {"kid": "nothing"},
        *({**CURVE, "kid": f"k{number}"} for number in range(100)),
    ]
    for kid, algorithm in (
        ("shared", "HS256"),
        ("encrypting", "ES256"),
        ("broken", "RS256"),
        ("nothing", "ES256"),
        ("k99", "ES256"),
    ):
        assert await keys.find(kid, algorithm) is None, kid
    assert await keys.find("k95", "ES256") is not None


async def test_closing_twice_or_before_use_is_fine(issuer: Issuer, clock: ManualClock) -> None:
    keys = JwksKeys(clock, url=f"{issuer.url}/jwks")
    await keys.close()
    await keys.find("k1", "ES256")
    await keys.close()
    await keys.close()
