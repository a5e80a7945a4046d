"""Tokens of our own."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.auth.local_tickets import LocalTickets
from netra_backend.app.adapters.auth.static_keys import StaticKeys
from netra_backend.app.config import DEVELOPMENT, TokenSource
from netra_backend.app.core.errors import AuthenticationRefused, InvalidContextError
from netra_backend.app.core.identity import Identity
from netra_backend.app.services.authentication import Authentication, TrustedSource
from netra_backend.app.services.revocations import Revocations
from netra_backend.app.services.tickets import TicketOffice
from netra_backend.app.services.token_minting import mint_token, sign_in_link
from test_framework.clock import START_MS, ManualClock, SeededEntropy
from test_framework.memory.api_keys import memory_api_keys
from test_framework.memory.revocations import MemoryRevocations

KEY = b"0123456789abcdef0123456789abcdef"


def minted(user_id: str = "user_ada", scopes: tuple[str, ...] = (), lifetime_s: int = 60) -> str:
    return mint_token(
        user_id, key=KEY, issuer=DEVELOPMENT.issuer, now_ms=START_MS + 7, token_id="t1", scopes=scopes, lifetime_s=lifetime_s
    )  # fmt: skip


async def test_what_is_minted_is_taken_to_the_millisecond(clock: ManualClock, entropy: SeededEntropy) -> None:
    clock.advance(ms=7)
    sources = [TrustedSource(DEVELOPMENT, StaticKeys(DEVELOPMENT, KEY))]
    tickets = TicketOffice(LocalTickets(), clock, entropy)
    revocations = Revocations(MemoryRevocations())
    keys = memory_api_keys(revocations, clock, entropy)
    authentication = Authentication(sources, revocations, tickets, keys, clock)
    assert await authentication.verify(minted(scopes=("admin",))) == Identity(
        "user_ada", frozenset({"usage", "admin"}), START_MS + 60_007, START_MS + 7, "t1", "netra-development"
    )


async def test_a_token_for_an_audience_is_taken_where_that_is_asked_for(
    clock: ManualClock, entropy: SeededEntropy
) -> None:
    source = TokenSource("secret", ("HS256",), audience="netra", secret=KEY)
    tickets = TicketOffice(LocalTickets(), clock, entropy)
    revocations = Revocations(MemoryRevocations())
    keys = memory_api_keys(revocations, clock, entropy)
    authentication = Authentication([TrustedSource(source, StaticKeys(source))], revocations, tickets, keys, clock)
    token = mint_token("user_ada", key=KEY, issuer=None, now_ms=START_MS, token_id="t", audience="netra")
    assert (await authentication.verify(token)).user_id == "user_ada"


@pytest.mark.parametrize("user_id", ["default_user", "user@example.com", "", "null"])
def test_no_token_is_made_for_what_is_no_user_id(user_id: str) -> None:
    with pytest.raises(InvalidContextError):
        minted(user_id)


@pytest.mark.validation_point("token.scope")
@pytest.mark.parametrize("scope", ["", "Admin", "a b", "admin\n", "x" * 65])
def test_a_malformed_scope_is_refused(scope: str) -> None:
    with pytest.raises(AuthenticationRefused, match="is not a valid scope") as refused:
        minted(scopes=("usage", scope))
    assert refused.value.entry.id == "forbidden"


@pytest.mark.validation_point("token.lifetime")
@pytest.mark.parametrize("lifetime_s", [0, -1, 86_401])
def test_a_token_has_an_end_within_reason(lifetime_s: int) -> None:
    with pytest.raises(AuthenticationRefused, match="A token can live for 1"):
        minted(lifetime_s=lifetime_s)


def test_a_sign_in_link_keeps_the_token_in_the_fragment() -> None:
    assert sign_in_link("http://127.0.0.1:8000/", "a.b.c") == "http://127.0.0.1:8000/#token=a.b.c"
    assert sign_in_link("https://netra.example.com/base", "a.b.c") == "https://netra.example.com/base/#token=a.b.c"
