"""Tokens for drills, which one process alone accepts."""

from __future__ import annotations

import pytest

from netra_backend.app.adapters.auth.local_tickets import LocalTickets
from netra_backend.app.core.errors import AuthenticationRefused, InvalidContextError
from netra_backend.app.services.authentication import Authentication, TrustedSource
from netra_backend.app.services.revocations import Revocations
from netra_backend.app.services.synthetic_sign_ins import LIFETIME_S, SyntheticSignIns
from netra_backend.app.services.tickets import TicketOffice
from test_framework.clock import ManualClock, SeededEntropy
from test_framework.memory.api_keys import memory_api_keys
from test_framework.memory.revocations import MemoryRevocations


def process(sign_ins: SyntheticSignIns, clock: ManualClock) -> Authentication:
    tickets = TicketOffice(LocalTickets(), clock, SeededEntropy())
    source = TrustedSource(sign_ins.source, sign_ins)
    revocations = Revocations(MemoryRevocations())
    keys = memory_api_keys(revocations, clock, SeededEntropy())
    return Authentication([source], revocations, tickets, keys, clock)


async def test_a_synthetic_user_has_the_rights_of_everybody_for_ten_minutes(clock: ManualClock) -> None:
    sign_ins = SyntheticSignIns(clock, SeededEntropy("one"))
    identity = await process(sign_ins, clock).verify(sign_ins.token("drill_1"))
    assert (identity.user_id, identity.scopes) == ("drill_1", frozenset({"usage"}))
    assert identity.expires_at_ms == clock.now_ms() + LIFETIME_S * 1000


async def test_another_process_does_not_accept_it(clock: ManualClock) -> None:
    one, other = (SyntheticSignIns(clock, SeededEntropy(seed)) for seed in ("one", "other"))
    with pytest.raises(AuthenticationRefused) as refused:
        await process(other, clock).verify(one.token("drill_1"))
    assert refused.value.point.id == "auth.signature"


def test_what_is_no_user_id_is_not_signed_in_and_the_key_does_not_show(clock: ManualClock) -> None:
    sign_ins = SyntheticSignIns(clock, SeededEntropy("one"))
    with pytest.raises(InvalidContextError):
        sign_ins.token("default_user")
    assert "secret=" not in repr(sign_ins.source)
