"""A token in, a proved identity or a refusal out."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.api_jws import PyJWS

from netra_backend.app.adapters.auth.local_tickets import LocalTickets
from netra_backend.app.adapters.auth.static_keys import StaticKeys
from netra_backend.app.config import DEVELOPMENT, TokenSource
from netra_backend.app.core.errors import AuthenticationRefused, DependencyUnavailable
from netra_backend.app.core.identity import (
    CLOCK_LEEWAY_MS,
    CREDENTIAL_KINDS,
    WEBSOCKET,
    Identity,
    user_id_of_subject,
)
from netra_backend.app.core.limits import USUAL
from netra_backend.app.core.plans import Plan, Plans
from netra_backend.app.services.api_keys import WantedKey
from netra_backend.app.services.authentication import (
    Authentication,
    TrustedSource,
    check_path_user,
    require_identity,
    require_manager,
    require_scope,
)
from netra_backend.app.services.credentials import Credentials
from netra_backend.app.services.revocations import Revocations
from netra_backend.app.services.tickets import TicketOffice
from test_framework.clock import START_MS, ManualClock, SeededEntropy
from test_framework.memory.api_keys import memory_api_keys
from test_framework.memory.revocations import MemoryRevocations

KEY = b"0123456789abcdef0123456789abcdef"
OTHER_KEY = b"fedcba9876543210fedcba9876543210"
OWN = TokenSource("secret", ("HS256",), issuer="own", secret=KEY)
ISSUER = "https://login.example.com"
OIDC = TokenSource("oidc", ("ES256",), issuer=ISSUER, audience="netra")
CURVE_KEY = ec.generate_private_key(ec.SECP256R1())

Sign = Callable[..., str]


class IssuerKeys:
    """One public key under one ``kid``, as a fetched key set holds it."""

    def __init__(self, *, reachable: bool = True) -> None:
        self.reachable = reachable

    async def find(self, kid: str | None, algorithm: str) -> Any | None:
        if not self.reachable:
            raise DependencyUnavailable("the issuer does not answer")
        return CURVE_KEY.public_key() if (kid, algorithm) == ("k1", "ES256") else None

    async def close(self) -> None:
        pass


class Gatekeeper:
    """Authentication with everything around it within reach."""

    def __init__(self, clock: ManualClock, *sources: TrustedSource, max_lifetime_s: int = 24 * 3600) -> None:
        self.clock = clock
        self.store = MemoryRevocations()
        self.revocations = Revocations(self.store)
        self.tickets = TicketOffice(LocalTickets(), clock, SeededEntropy())
        self.api_keys = memory_api_keys(self.revocations, clock, SeededEntropy())
        self.authentication = Authentication(
            sources or (own(OWN),), self.revocations, self.tickets, self.api_keys, clock, max_lifetime_s=max_lifetime_s
        )

    async def verify(self, token: str) -> Identity:
        return await self.authentication.verify(token)

    async def refusal(self, token: str) -> tuple[str, str]:
        """The validation point and the error id that the token is refused with."""
        with pytest.raises(AuthenticationRefused) as refused:
            await self.verify(token)
        return refused.value.point.id, refused.value.entry.id


def own(source: TokenSource) -> TrustedSource:
    return TrustedSource(source, StaticKeys(source))


@pytest.fixture
def gatekeeper(clock: ManualClock) -> Gatekeeper:
    return Gatekeeper(clock)


async def test_a_good_token_proves_its_subject(gatekeeper: Gatekeeper, sign: Sign) -> None:
    assert await gatekeeper.verify(sign(KEY, scope="admin")) == Identity(
        user_id="user_ada",
        scopes=frozenset({"usage", "admin"}),
        expires_at_ms=START_MS + 3_600_000,
        issued_at_ms=START_MS - CLOCK_LEEWAY_MS,
        token_id="t1",
        issuer="own",
    )


async def test_issue_and_expiry_keep_their_milliseconds(gatekeeper: Gatekeeper, sign: Sign) -> None:
    identity = await gatekeeper.verify(sign(KEY, iat=START_MS / 1000 - 0.877, exp=START_MS / 1000 + 0.123))
    assert (identity.issued_at_ms, identity.expires_at_ms) == (START_MS - 877 - CLOCK_LEEWAY_MS, START_MS + 123)
    assert identity.ends_at_ms == START_MS + 123 + CLOCK_LEEWAY_MS


@pytest.mark.validation_point("auth.signature")
async def test_a_token_of_another_key_does_not_count(gatekeeper: Gatekeeper, sign: Sign) -> None:
    assert await gatekeeper.refusal(sign(OTHER_KEY)) == ("auth.signature", "unauthenticated")


async def test_changed_claims_break_the_signature(gatekeeper: Gatekeeper, sign: Sign) -> None:
    head, _, signature = sign(KEY).split(".")
    changed = base64.urlsafe_b64encode(json.dumps({"sub": "user_eve", "iss": "own"}).encode()).decode().rstrip("=")
    assert await gatekeeper.refusal(f"{head}.{changed}.{signature}") == ("auth.signature", "unauthenticated")


@pytest.mark.validation_point("auth.algorithm")
async def test_an_algorithm_that_is_not_pinned_does_not_count_even_with_the_right_key(
    gatekeeper: Gatekeeper, sign: Sign
) -> None:
    assert await gatekeeper.refusal(sign(KEY + KEY, "HS512")) == ("auth.algorithm", "unauthenticated")


async def test_an_unsigned_token_does_not_count(gatekeeper: Gatekeeper, sign: Sign) -> None:
    assert await gatekeeper.refusal(sign("", "none")) == ("auth.algorithm", "unauthenticated")


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "ey.ey.ey", "é.é.é", "\ud800", "e30.e30.", "bnVsbA.bnVsbA.x", "e30." + "A" * USUAL.token_characters],
)  # fmt: skip
async def test_what_is_no_token_is_refused(gatekeeper: Gatekeeper, token: str) -> None:
    assert await gatekeeper.refusal(token) == ("auth.algorithm", "unauthenticated")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200) | st.lists(st.text("eyJ0-_=abc", max_size=20), max_size=5).map(".".join))
async def test_no_text_does_anything_but_be_refused(gatekeeper: Gatekeeper, token: str) -> None:
    assert (await gatekeeper.refusal(token))[1] == "unauthenticated"


async def test_a_token_longer_than_the_bound_is_not_even_read(gatekeeper: Gatekeeper, sign: Sign) -> None:
    assert await gatekeeper.refusal(sign(KEY, padding="x" * USUAL.token_characters)) == (
        "auth.algorithm",
        "unauthenticated",
    )


@pytest.mark.validation_point("auth.claims")
@pytest.mark.parametrize(
    "claims",
    [
        {"sub": None},
        {"iat": None},
        {"exp": None},
        {"sub": ""},
        {"exp": "tomorrow"},
        {"iat": -5},
        {"sub": 42},
        {"exp": True},
        {"aud": {"netra": 1}},
        {"scope": [1]},
    ],
)
async def test_a_token_without_who_and_when_does_not_count(
    gatekeeper: Gatekeeper, sign: Sign, claims: dict[str, Any]
) -> None:
    assert await gatekeeper.refusal(sign(KEY, **claims)) == ("auth.claims", "unauthenticated")


async def test_a_payload_that_is_no_object_does_not_count(gatekeeper: Gatekeeper) -> None:
    for payload in (b"[]", b"null", b"\xff", b"[" * 5000):
        assert await gatekeeper.refusal(PyJWS().encode(payload, KEY, algorithm="HS256")) == (
            "auth.claims",
            "unauthenticated",
        )


@pytest.mark.validation_point("auth.issuer")
async def test_a_key_speaks_for_its_own_issuer_alone(gatekeeper: Gatekeeper, sign: Sign) -> None:
    for issuer in ("somebody", "", None):
        assert await gatekeeper.refusal(sign(KEY, iss=issuer)) == ("auth.issuer", "unauthenticated")


async def test_without_a_configured_issuer_any_counts(clock: ManualClock, sign: Sign) -> None:
    gatekeeper = Gatekeeper(clock, own(TokenSource("secret", ("HS256",), secret=KEY)))
    assert (await gatekeeper.verify(sign(KEY, iss="whoever"))).issuer == "whoever"
    assert (await gatekeeper.verify(sign(KEY, iss=None))).issuer == ""


@pytest.mark.validation_point("auth.audience")
@pytest.mark.parametrize("audience", [None, "", "billing", ["billing", "mail"], []])
async def test_a_token_for_another_audience_does_not_count(clock: ManualClock, sign: Sign, audience: Any) -> None:
    gatekeeper = Gatekeeper(clock, own(TokenSource("secret", ("HS256",), audience="netra", secret=KEY)))
    assert await gatekeeper.refusal(sign(KEY, aud=audience)) == ("auth.audience", "unauthenticated")
    assert (await gatekeeper.verify(sign(KEY, aud=["billing", "netra"]))).user_id == "user_ada"


async def test_a_token_with_an_audience_does_not_count_where_we_have_no_name(
    gatekeeper: Gatekeeper, sign: Sign
) -> None:
    assert await gatekeeper.refusal(sign(KEY, aud="billing")) == ("auth.audience", "unauthenticated")


@pytest.mark.validation_point("auth.not_yet")
@pytest.mark.parametrize("claim", ["iat", "nbf"])
async def test_a_token_of_the_future_counts_within_the_leeway_alone(
    gatekeeper: Gatekeeper, sign: Sign, claim: str
) -> None:
    edge_s = (START_MS + CLOCK_LEEWAY_MS) / 1000
    assert (await gatekeeper.verify(sign(KEY, **{claim: edge_s}))).user_id == "user_ada"
    assert await gatekeeper.refusal(sign(KEY, **{claim: edge_s + 1})) == ("auth.not_yet", "token_not_yet_valid")


@pytest.mark.validation_point("auth.expired")
async def test_an_expired_token_counts_within_the_leeway_alone(gatekeeper: Gatekeeper, sign: Sign) -> None:
    token = sign(KEY, exp=START_MS / 1000 + 10)
    gatekeeper.clock.advance(ms=10_000 + CLOCK_LEEWAY_MS - 1)
    assert (await gatekeeper.verify(token)).user_id == "user_ada"
    gatekeeper.clock.advance(ms=1)
    assert await gatekeeper.refusal(token) == ("auth.expired", "token_expired")


@pytest.mark.validation_point("auth.lifetime")
async def test_a_token_lives_no_longer_than_it_may(clock: ManualClock, sign: Sign) -> None:
    gatekeeper = Gatekeeper(clock, max_lifetime_s=7200)
    now_s = START_MS / 1000
    assert (await gatekeeper.verify(sign(KEY, exp=now_s + 7200))).user_id == "user_ada"
    for exp in (now_s + 7200.001, now_s + 86_400, 1e300):
        assert await gatekeeper.refusal(sign(KEY, exp=exp)) == ("auth.lifetime", "unauthenticated")
    assert await gatekeeper.refusal(sign(KEY, iat=now_s - 7200, exp=now_s + 1)) == ("auth.lifetime", "unauthenticated")


async def test_a_token_lives_for_a_day_if_nobody_says_otherwise(gatekeeper: Gatekeeper, sign: Sign) -> None:
    assert (await gatekeeper.verify(sign(KEY, exp=START_MS / 1000 + 86_400))).user_id == "user_ada"
    assert (await gatekeeper.refusal(sign(KEY, exp=START_MS / 1000 + 86_401)))[0] == "auth.lifetime"


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
async def test_an_access_token_signs_in(gatekeeper: Gatekeeper, sign: Sign, typ: str | None) -> None:
    assert (await gatekeeper.verify(sign(KEY, typ=typ))).user_id == "user_ada"


@pytest.mark.validation_point("auth.typ")
@pytest.mark.parametrize(
    "typ", ["logout+jwt", "dpop+jwt", "application/logout+jwt", "secevent+jwt", "JWT ", "at+jwt;x", "JOSE"]
)
async def test_a_token_made_for_something_else_signs_nobody_in(gatekeeper: Gatekeeper, sign: Sign, typ: str) -> None:
    assert await gatekeeper.refusal(sign(KEY, typ=typ)) == ("auth.typ", "unauthenticated")


async def test_a_logout_token_without_a_type_signs_nobody_in(gatekeeper: Gatekeeper, sign: Sign) -> None:
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert await gatekeeper.refusal(sign(KEY, events=events)) == ("auth.typ", "unauthenticated")


@pytest.mark.parametrize("typ", [7, ["JWT"], {"JWT": 1}])
async def test_a_type_that_is_no_text_is_no_token(gatekeeper: Gatekeeper, sign: Sign, typ: Any) -> None:
    assert await gatekeeper.refusal(sign(KEY, typ=typ)) == ("auth.algorithm", "unauthenticated")


@pytest.mark.validation_point("auth.subject")
@pytest.mark.parametrize("subject", ["default_user", "user@example.com", "a b", "null", "x" * 129, "usér"])
async def test_a_subject_that_is_no_user_id_does_not_count(gatekeeper: Gatekeeper, sign: Sign, subject: str) -> None:
    assert await gatekeeper.refusal(sign(KEY, sub=subject)) == ("auth.subject", "unauthenticated")


@pytest.mark.parametrize(
    ("claimed", "scopes"),
    [
        (None, {"usage"}),
        ("admin", {"usage", "admin"}),
        (["admin", "usage"], {"usage", "admin"}),
        ("Admin ADMIN ädmin a\u0000 " + "x" * 65, {"usage"}),
        (" ".join(["other"] * 32 + ["admin"]), {"usage", "other"}),
    ],
)
async def test_scopes_are_words_of_one_form_and_few(
    gatekeeper: Gatekeeper, sign: Sign, claimed: Any, scopes: set[str]
) -> None:
    assert (await gatekeeper.verify(sign(KEY, scope=claimed))).scopes == scopes


async def test_an_oidc_subject_becomes_a_user_id_of_its_own(clock: ManualClock, sign: Sign) -> None:
    gatekeeper = Gatekeeper(clock, own(OWN), TrustedSource(OIDC, IssuerKeys()))
    claims = {"iss": ISSUER, "sub": "google|Ada Lovelace", "aud": "netra", "scope": "openid admin netra:admin"}
    identity = await gatekeeper.verify(sign(CURVE_KEY, "ES256", "k1", **claims))
    assert identity.user_id == user_id_of_subject(ISSUER, "google|Ada Lovelace")
    assert identity.issuer == ISSUER
    assert identity.scopes == {"usage", "admin"}


async def test_an_oidc_scope_that_is_not_about_us_gives_nothing(clock: ManualClock, sign: Sign) -> None:
    gatekeeper = Gatekeeper(clock, TrustedSource(OIDC, IssuerKeys()))
    token = sign(CURVE_KEY, "ES256", "k1", iss=ISSUER, sub="eve", aud="netra", scope="admin usage:all")
    assert (await gatekeeper.verify(token)).scopes == {"usage"}


async def test_two_sources_do_not_sign_for_each_other(clock: ManualClock, sign: Sign) -> None:
    gatekeeper = Gatekeeper(clock, own(OWN), TrustedSource(OIDC, IssuerKeys()))
    assert await gatekeeper.refusal(sign(KEY, iss=ISSUER, aud="netra")) == ("auth.algorithm", "unauthenticated")
    assert await gatekeeper.refusal(sign(CURVE_KEY, "ES256", "k1", iss="own")) == ("auth.algorithm", "unauthenticated")


async def test_a_public_key_is_never_taken_for_a_shared_one(clock: ManualClock, sign: Sign) -> None:
    source = TokenSource("oidc", ("ES256", "HS256"), issuer=ISSUER, audience="netra")
    gatekeeper = Gatekeeper(clock, TrustedSource(source, IssuerKeys()))
    token = sign(KEY, "HS256", "k1", iss=ISSUER, aud="netra")
    assert await gatekeeper.refusal(token) == ("auth.signature", "unauthenticated")


async def test_a_key_of_another_kind_than_the_algorithm_proves_nothing(clock: ManualClock, sign: Sign) -> None:
    class WrongKind(IssuerKeys):
        async def find(self, kid: str | None, algorithm: str) -> Any | None:
            return CURVE_KEY.public_key()

    source = TokenSource("oidc", ("HS256",), issuer=ISSUER, audience="netra")
    gatekeeper = Gatekeeper(clock, TrustedSource(source, WrongKind()))
    assert await gatekeeper.refusal(sign(KEY, iss=ISSUER, aud="netra")) == ("auth.signature", "unauthenticated")


@pytest.mark.filterwarnings("ignore:.*RSA key is 1024 bits")  # from signing with it
async def test_a_key_that_is_too_short_proves_nothing(clock: ManualClock, sign: Sign) -> None:
    short = rsa.generate_private_key(65_537, 1024)

    class ShortKey(IssuerKeys):
        async def find(self, kid: str | None, algorithm: str) -> Any | None:
            return short.public_key()

    source = TokenSource("oidc", ("RS256",), issuer=ISSUER, audience="netra")
    gatekeeper = Gatekeeper(clock, TrustedSource(source, ShortKey()))
    assert await gatekeeper.refusal(sign(short, "RS256", iss=ISSUER, aud="netra")) == (
        "auth.signature",
        "unauthenticated",
    )


async def test_an_unknown_key_id_proves_nothing(clock: ManualClock, sign: Sign) -> None:
    gatekeeper = Gatekeeper(clock, TrustedSource(OIDC, IssuerKeys()))
    token = sign(CURVE_KEY, "ES256", "k2", iss=ISSUER, aud="netra")
    assert await gatekeeper.refusal(token) == ("auth.signature", "unauthenticated")


async def test_an_issuer_that_does_not_answer_is_a_fault_and_no_refusal(clock: ManualClock, sign: Sign) -> None:
    gatekeeper = Gatekeeper(clock, TrustedSource(OIDC, IssuerKeys(reachable=False)))
    with pytest.raises(DependencyUnavailable, match="the issuer does not answer"):
        await gatekeeper.verify(sign(CURVE_KEY, "ES256", "k1", iss=ISSUER, aud="netra"))


@pytest.mark.validation_point("auth.revoked")
@pytest.mark.parametrize("ahead_s", [-60, 0, 1, 30])
async def test_no_sign_in_stands_that_can_have_been_issued_before_a_revocation(
    gatekeeper: Gatekeeper, sign: Sign, ahead_s: int
) -> None:
    """Its issuer's clock may be ahead, and by as much as it may, so may its issue time."""
    token = sign(KEY, iat=START_MS / 1000 + ahead_s)
    await gatekeeper.verify(token)
    await gatekeeper.revocations.revoke("user_ada", gatekeeper.clock.now_ms())
    for _ in range(4):
        assert await gatekeeper.refusal(token) == ("auth.revoked", "revoked")
        gatekeeper.clock.advance(s=20)


async def test_after_a_revocation_what_was_issued_later_than_the_leeway_stands(
    gatekeeper: Gatekeeper, sign: Sign
) -> None:
    await gatekeeper.revocations.revoke("user_ada", START_MS)
    gatekeeper.clock.advance(ms=CLOCK_LEEWAY_MS)
    with pytest.raises(AuthenticationRefused) as refused:
        await gatekeeper.verify(sign(KEY, iat=gatekeeper.clock.now_ms() / 1000))
    assert refused.value.entry.id == "revoked"
    gatekeeper.clock.advance(ms=1)
    assert (await gatekeeper.verify(sign(KEY, iat=gatekeeper.clock.now_ms() / 1000))).user_id == "user_ada"


async def test_who_is_refused_right_after_a_revocation_learns_how_long_to_wait(
    gatekeeper: Gatekeeper, sign: Sign
) -> None:
    await gatekeeper.revocations.revoke("user_ada", START_MS)
    gatekeeper.clock.advance(s=10)
    early, hints = sign(KEY), list[str]()
    for _ in range(2):
        with pytest.raises(AuthenticationRefused) as refused:
            await gatekeeper.verify(early)
        hints.append(refused.value.hint)
        gatekeeper.clock.advance(s=20)
    assert hints == ["Sign in again. If that is refused, too, do so in 21 seconds.", "Sign in again."]


async def test_a_token_by_the_servers_own_clock_stands_right_after_a_revocation(clock: ManualClock, sign: Sign) -> None:
    gatekeeper = Gatekeeper(clock, TrustedSource(DEVELOPMENT, StaticKeys(DEVELOPMENT, KEY)))
    own_clock = {"iss": DEVELOPMENT.issuer, "netra_clock": "server"}
    before = sign(KEY, **own_clock)
    await gatekeeper.revocations.revoke("user_ada", gatekeeper.clock.now_ms())
    assert await gatekeeper.refusal(before) == ("auth.revoked", "revoked")
    gatekeeper.clock.advance(ms=1)
    assert (await gatekeeper.verify(sign(KEY, iat=(START_MS + 1) / 1000, **own_clock))).user_id == "user_ada"
    ahead = sign(KEY, iat=START_MS / 1000 + 10, **own_clock)
    assert await gatekeeper.refusal(ahead) == ("auth.revoked", "revoked")
    assert await gatekeeper.refusal(sign(KEY, iat=(START_MS + 1) / 1000, iss=DEVELOPMENT.issuer)) == (
        "auth.revoked",
        "revoked",
    )


@pytest.mark.parametrize("is_seen_first", [True, False])
async def test_a_token_from_before_the_clock_was_set_back_stays_revoked(
    clock: ManualClock, sign: Sign, is_seen_first: bool
) -> None:
    gatekeeper = Gatekeeper(clock, TrustedSource(DEVELOPMENT, StaticKeys(DEVELOPMENT, KEY)))
    own_clock = {"iss": DEVELOPMENT.issuer, "netra_clock": "server"}
    for other in ("user_bob", "user_ada"):
        ahead = sign(KEY, iat=START_MS / 1000 + 15, sub=other, **own_clock)
        if is_seen_first:
            assert (await gatekeeper.verify(ahead)).user_id == other
    await gatekeeper.revocations.revoke("user_ada", START_MS)
    if not is_seen_first:
        assert await gatekeeper.refusal(ahead) == ("auth.revoked", "revoked")
    gatekeeper.clock.advance(s=16)
    assert await gatekeeper.refusal(ahead) == ("auth.revoked", "revoked")
    again = Revocations(gatekeeper.store)
    await again.load()
    assert again.all_revoked_ms("user_ada") == START_MS + 15_000
    for user_id in ("user_ada", "user_bob"):
        fresh = sign(KEY, iat=START_MS / 1000 + 16, sub=user_id, **own_clock)
        assert (await gatekeeper.verify(fresh)).user_id == user_id


async def test_another_issuer_cannot_say_that_its_clock_is_ours(gatekeeper: Gatekeeper, sign: Sign) -> None:
    await gatekeeper.revocations.revoke("user_ada", START_MS)
    gatekeeper.clock.advance(s=1)
    token = sign(KEY, iat=START_MS / 1000 + 1, netra_clock="server")
    assert await gatekeeper.refusal(token) == ("auth.revoked", "revoked")


async def test_one_sign_in_is_revoked_and_the_users_others_stand(gatekeeper: Gatekeeper, sign: Sign) -> None:
    await gatekeeper.revocations.revoke_token("user_ada", "t1", gatekeeper.clock.now_ms())
    assert await gatekeeper.refusal(sign(KEY)) == ("auth.revoked", "revoked")
    for other in ("t2", None):
        assert (await gatekeeper.verify(sign(KEY, jti=other))).user_id == "user_ada"
    assert (await gatekeeper.verify(sign(KEY, sub="user_bob"))).user_id == "user_bob"


@pytest.mark.validation_point("auth.kind")
async def test_a_kind_of_credential_that_is_in_no_table_proves_nobody(gatekeeper: Gatekeeper, sign: Sign) -> None:
    identity = await gatekeeper.verify(sign(KEY))
    assert gatekeeper.authentication.standing(identity) is identity
    with pytest.raises(AuthenticationRefused) as refused:
        gatekeeper.authentication.standing(replace(identity, kind="wish"))
    assert refused.value.point.id == "auth.kind"


def test_every_credential_that_a_request_can_bring_is_of_a_kind_in_the_table() -> None:
    came_as_a_token = {"key"}
    brought = {field.name for field in fields(Credentials)} - {"subprotocol"}
    assert brought | came_as_a_token == set(CREDENTIAL_KINDS)


async def test_a_key_that_is_shown_as_a_token_proves_its_user(gatekeeper: Gatekeeper, sign: Sign) -> None:
    maker = await gatekeeper.verify(sign(KEY))
    key, written = await gatekeeper.api_keys.make(maker, WantedKey("ci"))
    identity = await gatekeeper.authentication.identify(Credentials(token=written), None)
    assert identity == key.identity
    assert (identity.kind, identity.user_id, identity.scopes) == ("key", "user_ada", frozenset({"usage"}))


@pytest.mark.validation_point("auth.expired")
async def test_a_key_dies_with_its_end_or_with_all_sign_ins_of_its_user(gatekeeper: Gatekeeper, sign: Sign) -> None:
    maker = await gatekeeper.verify(sign(KEY))
    ends_ms = START_MS + 60_000
    _, ending = await gatekeeper.api_keys.make(maker, WantedKey("ends", expires_at=ends_ms))
    _, lasting = await gatekeeper.api_keys.make(maker, WantedKey("lasts"))
    gatekeeper.clock.advance(ms=60_000 + CLOCK_LEEWAY_MS - 1)
    assert (await gatekeeper.verify(ending)).expires_at_ms == ends_ms
    gatekeeper.clock.advance(ms=1)
    assert await gatekeeper.refusal(ending) == ("auth.expired", "token_expired")
    await gatekeeper.revocations.revoke("user_ada", gatekeeper.clock.now_ms())
    assert await gatekeeper.refusal(lasting) == ("auth.revoked", "revoked")


async def test_a_key_that_does_not_stand_is_taken_for_one_that_anybody_may_show(
    gatekeeper: Gatekeeper, sign: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = await gatekeeper.verify(sign(KEY))
    _, written = await gatekeeper.api_keys.make(maker, WantedKey("ci"))
    told: list[str | None] = []
    monkeypatch.setattr(gatekeeper.api_keys, "stood", lambda credential, owner: told.append(owner))
    await gatekeeper.verify(written)
    await gatekeeper.revocations.revoke("user_ada", gatekeeper.clock.now_ms())
    assert await gatekeeper.refusal(written) == ("auth.revoked", "revoked")
    assert told == ["user_ada", None]


@pytest.mark.validation_point("auth.manages")
@pytest.mark.parametrize("kind", ["ticket", "key"])
async def test_only_a_token_manages_credentials(gatekeeper: Gatekeeper, sign: Sign, kind: str) -> None:
    identity = await gatekeeper.verify(sign(KEY))
    require_manager(identity)
    with pytest.raises(AuthenticationRefused) as refused:
        require_manager(replace(identity, kind=kind))
    assert (refused.value.point.id, refused.value.entry.status) == ("auth.manages", 403)


def test_one_of_several_scopes_will_do() -> None:
    reading = Identity("user_ada", frozenset({"read"}), None, 0)
    require_scope(reading, "usage", "read")
    with pytest.raises(AuthenticationRefused, match="the scope usage"):
        require_scope(reading, "usage", "ingest")


async def test_a_ticket_proves_whom_it_was_issued_to(gatekeeper: Gatekeeper, sign: Sign) -> None:
    identity = await gatekeeper.verify(sign(KEY))
    ticket = await gatekeeper.tickets.issue(identity)
    redeemed = await gatekeeper.authentication.identify(Credentials(ticket=ticket.value), WEBSOCKET)
    assert redeemed == replace(identity, kind="ticket")


@pytest.mark.parametrize("end", ["expired", "revoked", "token revoked"])
async def test_a_ticket_dies_with_its_credential(gatekeeper: Gatekeeper, sign: Sign, end: str) -> None:
    exp = (START_MS - CLOCK_LEEWAY_MS) / 1000 + 10 if end == "expired" else START_MS / 1000 + 60
    ticket = await gatekeeper.tickets.issue(await gatekeeper.verify(sign(KEY, exp=exp)))
    if end == "revoked":
        await gatekeeper.revocations.revoke("user_ada", gatekeeper.clock.now_ms())
    elif end == "token revoked":
        await gatekeeper.revocations.revoke_token("user_ada", "t1", gatekeeper.clock.now_ms())
    gatekeeper.clock.advance(s=10)
    with pytest.raises(AuthenticationRefused) as refused:
        await gatekeeper.authentication.identify(Credentials(ticket=ticket.value), WEBSOCKET)
    assert refused.value.entry.id == ("token_expired" if end == "expired" else "revoked")


async def test_a_token_goes_before_a_ticket_and_nothing_proves_nobody(gatekeeper: Gatekeeper, sign: Sign) -> None:
    ticket = await gatekeeper.tickets.issue(await gatekeeper.verify(sign(KEY)))
    by_token = await gatekeeper.authentication.identify(
        Credentials(token=sign(KEY, sub="user_bob"), ticket=ticket.value), WEBSOCKET
    )
    assert by_token is not None
    assert by_token.user_id == "user_bob"
    assert await gatekeeper.authentication.identify(Credentials(), WEBSOCKET) is None


@pytest.mark.validation_point("auth.missing")
async def test_where_somebody_is_needed_nobody_is_refused(gatekeeper: Gatekeeper, sign: Sign) -> None:
    identity = await gatekeeper.verify(sign(KEY))
    assert require_identity(identity) is identity
    with pytest.raises(AuthenticationRefused) as refused:
        require_identity(None)
    assert (refused.value.point.id, refused.value.entry.status) == ("auth.missing", 401)


@pytest.mark.validation_point("auth.path_user")
async def test_a_path_names_the_tokens_user_and_no_other(gatekeeper: Gatekeeper, sign: Sign) -> None:
    identity = await gatekeeper.verify(sign(KEY))
    check_path_user(identity, "user_ada")
    for other in ("user_bob", "USER_ADA", "user_ada ", ""):
        with pytest.raises(AuthenticationRefused) as refused:
            check_path_user(identity, other)
        assert (refused.value.entry.id, refused.value.entry.close_code) == ("user_mismatch", 4504)


@pytest.mark.validation_point("auth.scope")
async def test_a_scope_that_is_missing_is_forbidden(gatekeeper: Gatekeeper, sign: Sign) -> None:
    require_scope(await gatekeeper.verify(sign(KEY, scope="admin")), "admin")
    with pytest.raises(AuthenticationRefused) as refused:
        require_scope(await gatekeeper.verify(sign(KEY)), "admin")
    assert (refused.value.entry.id, refused.value.entry.status) == ("forbidden", 403)


def test_without_a_source_nobody_could_be_proved(clock: ManualClock) -> None:
    own = Gatekeeper(clock)
    with pytest.raises(ValueError, match="needs a source"):
        Authentication((), own.revocations, own.tickets, own.api_keys, clock)


class TestPlans:
    @pytest.fixture
    def planned(self, clock: ManualClock) -> Gatekeeper:
        gatekeeper = Gatekeeper(clock)
        gatekeeper.authentication = Authentication(
            (own(OWN),),
            gatekeeper.revocations,
            gatekeeper.tickets,
            gatekeeper.api_keys,
            clock,
            plans=Plans({"free": Plan("free", USUAL)}, Plan("", USUAL)),
            plan_claim="tier",
        )
        return gatekeeper

    @pytest.mark.validation_point("auth.plan")
    async def test_a_key_has_the_plan_of_its_maker_while_there_is_one(self, planned: Gatekeeper, sign: Sign) -> None:
        maker = await planned.verify(sign(KEY, tier="free"))
        _, written = await planned.api_keys.make(maker, WantedKey("ci"))
        assert (await planned.verify(written)).plan == "free"
        _, gone = await planned.api_keys.make(replace(maker, plan="gone"), WantedKey("old"))
        assert await planned.refusal(gone) == ("auth.plan", "unauthenticated")

    @pytest.mark.parametrize(
        ("claims", "plan"), [({}, ""), ({"tier": ""}, ""), ({"tier": "free"}, "free"), ({"plan": "gold"}, "")]
    )
    async def test_a_tokens_claim_names_the_plan(
        self, planned: Gatekeeper, sign: Sign, claims: dict[str, Any], plan: str
    ) -> None:
        assert (await planned.verify(sign(KEY, **claims))).plan == plan

    @pytest.mark.validation_point("auth.plan")
    @pytest.mark.parametrize("named", ["gold", "Free", 7, ["free"], {"free": 1}, True])
    async def test_a_token_that_names_a_plan_which_there_is_not_is_refused(
        self, planned: Gatekeeper, sign: Sign, named: Any
    ) -> None:
        assert await planned.refusal(sign(KEY, tier=named)) == ("auth.plan", "unauthenticated")

    async def test_a_ticket_has_the_plan_of_its_credential(self, planned: Gatekeeper, sign: Sign) -> None:
        made = await planned.tickets.issue(await planned.verify(sign(KEY, tier="free")))
        identity = await planned.authentication.identify(Credentials(ticket=made.value), WEBSOCKET)
        assert identity is not None
        assert identity.plan == "free"

    async def test_a_server_without_plans_reads_no_claim(self, gatekeeper: Gatekeeper, sign: Sign) -> None:
        assert (await gatekeeper.verify(sign(KEY, plan="gold"))).plan == ""
