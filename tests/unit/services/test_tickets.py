"""Single-use tickets."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.adapters.auth.local_tickets import PER_USER, LocalTickets
from netra_backend.app.core.errors import AuthenticationRefused, LimitRefused
from netra_backend.app.core.identity import Identity
from netra_backend.app.services.tickets import LIFETIME_MS, TicketOffice
from test_framework.clock import START_MS, ManualClock, SeededEntropy

ADA = Identity("user_ada", frozenset({"usage"}), START_MS + 3_600_000, START_MS)


@pytest.fixture
def office(clock: ManualClock, entropy: SeededEntropy) -> TicketOffice:
    return TicketOffice(LocalTickets(), clock, entropy)


async def test_a_ticket_gives_back_whom_it_was_issued_to(office: TicketOffice) -> None:
    ticket = await office.issue(ADA)
    assert len(ticket.value) == 43
    assert ticket.expires_at_ms == START_MS + LIFETIME_MS
    assert await office.redeem(ticket.value) == ADA


async def test_of_all_who_use_a_ticket_at_once_one_gets_in(office: TicketOffice) -> None:
    ticket = await office.issue(ADA)
    answers = await asyncio.gather(*(office.redeem(ticket.value) for _ in range(10)), return_exceptions=True)
    assert answers.count(ADA) == 1
    assert sum(isinstance(answer, AuthenticationRefused) for answer in answers) == 9


@pytest.mark.validation_point("ticket.invalid")
async def test_a_ticket_is_too_old_after_thirty_seconds(office: TicketOffice, clock: ManualClock) -> None:
    young, old = await office.issue(ADA), await office.issue(ADA)
    clock.advance(ms=LIFETIME_MS - 1)
    assert await office.redeem(young.value) == ADA
    clock.advance(ms=1)
    with pytest.raises(AuthenticationRefused) as refused:
        await office.redeem(old.value)
    assert refused.value.entry.id == "unauthenticated"


@pytest.mark.parametrize("value", ["", "x", "x" * 10_000, "é", "\ud800"])
async def test_what_is_no_ticket_is_refused(office: TicketOffice, value: str) -> None:
    with pytest.raises(AuthenticationRefused):
        await office.redeem(value)


@pytest.mark.validation_point("ticket.limit")
async def test_unused_tickets_of_one_user_are_bounded_until_they_run_out(
    office: TicketOffice, clock: ManualClock
) -> None:
    for _ in range(PER_USER):
        await office.issue(ADA)
    with pytest.raises(LimitRefused) as refused:
        await office.issue(ADA)
    assert refused.value.retry_after_ms == LIFETIME_MS
    clock.advance(ms=LIFETIME_MS)
    assert (await office.issue(ADA)).expires_at_ms == START_MS + 2 * LIFETIME_MS


async def test_a_ticket_does_not_show_itself(office: TicketOffice) -> None:
    ticket = await office.issue(ADA)
    assert ticket.value not in repr(ticket)
