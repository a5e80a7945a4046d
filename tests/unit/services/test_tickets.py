"""Single-use tickets."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from netra_backend.app.adapters.auth.local_tickets import LocalTickets
from netra_backend.app.core.errors import AuthenticationRefused, FrameRefused, LimitRefused
from netra_backend.app.core.identity import WEBSOCKET, Identity, TicketUse
from netra_backend.app.core.limits import Limits
from netra_backend.app.services.tickets import TicketOffice
from test_framework.clock import START_MS, ManualClock, SeededEntropy

LIFETIME_MS = 7_000
PER_USER = 3
ADA = Identity("user_ada", frozenset({"usage"}), START_MS + 3_600_000, START_MS)


@pytest.fixture
def office(clock: ManualClock, entropy: SeededEntropy) -> TicketOffice:
    return TicketOffice(LocalTickets(Limits(tickets=PER_USER)), clock, entropy, lifetime_s=LIFETIME_MS / 1000)


async def test_a_ticket_gives_back_whom_it_was_issued_to(office: TicketOffice) -> None:
    ticket = await office.issue(ADA)
    assert len(ticket.value) == 43
    assert ticket.expires_at_ms == START_MS + LIFETIME_MS
    assert await office.redeem(ticket.value, WEBSOCKET) == replace(ADA, kind="ticket")


async def test_of_all_who_use_a_ticket_at_once_one_gets_in(office: TicketOffice) -> None:
    ticket = await office.issue(ADA)
    answers = await asyncio.gather(*(office.redeem(ticket.value, WEBSOCKET) for _ in range(10)), return_exceptions=True)
    assert answers.count(replace(ADA, kind="ticket")) == 1
    assert sum(isinstance(answer, AuthenticationRefused) for answer in answers) == 9


@pytest.mark.validation_point("ticket.invalid")
async def test_a_ticket_is_too_old_after_its_lifetime(office: TicketOffice, clock: ManualClock) -> None:
    young, old = await office.issue(ADA), await office.issue(ADA)
    clock.advance(ms=LIFETIME_MS - 1)
    assert await office.redeem(young.value, WEBSOCKET) == replace(ADA, kind="ticket")
    clock.advance(ms=1)
    with pytest.raises(AuthenticationRefused) as refused:
        await office.redeem(old.value, WEBSOCKET)
    assert refused.value.entry.id == "unauthenticated"


@pytest.mark.validation_point("ticket.invalid")
async def test_the_tickets_of_a_user_who_leaves_are_unknown(office: TicketOffice) -> None:
    ticket, others = await office.issue(ADA), await office.issue(replace(ADA, user_id="user_bob"))
    await office.remove("user_ada")
    with pytest.raises(AuthenticationRefused):
        await office.redeem(ticket.value, WEBSOCKET)
    assert (await office.redeem(others.value, WEBSOCKET)).user_id == "user_bob"


@pytest.mark.parametrize("value", ["", "x", "x" * 10_000, "é", "\ud800"])
async def test_what_is_no_ticket_is_refused(office: TicketOffice, value: str) -> None:
    with pytest.raises(AuthenticationRefused):
        await office.redeem(value, WEBSOCKET)


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


EXPORT = TicketUse("download", "/api/me/export")


@pytest.mark.validation_point("ticket.purpose")
@pytest.mark.parametrize(
    ("made_for", "used_for"),
    [
        (WEBSOCKET, EXPORT),
        (WEBSOCKET, None),
        (EXPORT, WEBSOCKET),
        (EXPORT, None),
        (EXPORT, TicketUse("download", "/api/me")),
        (EXPORT, TicketUse("download", "/api/me/export/")),
        (EXPORT, TicketUse("download", "/api/me/export?limit=1")),
        (TicketUse("download", "/api/me/export?limit=1"), EXPORT),
    ],
)
async def test_a_ticket_opens_what_it_was_made_for_and_is_used_up_by_anything_else(
    office: TicketOffice, made_for: TicketUse, used_for: TicketUse | None
) -> None:
    ticket = await office.issue(ADA, made_for)
    with pytest.raises(AuthenticationRefused, match="made for something else"):
        await office.redeem(ticket.value, used_for)
    with pytest.raises(AuthenticationRefused, match="unknown, used or expired"):
        await office.redeem(ticket.value, made_for)


async def test_a_ticket_for_a_download_has_the_rights_of_everybody_alone(office: TicketOffice) -> None:
    admin = replace(ADA, scopes=frozenset({"usage", "admin"}))
    ticket = await office.issue(admin, EXPORT)
    assert await office.redeem(ticket.value, EXPORT) == replace(ADA, kind="ticket")


@pytest.mark.validation_point("ticket.path")
@pytest.mark.parametrize(
    "path",
    ["", "/", "/api/", "api/me", "/metrics", "https://evil.example/api/me", "//evil.example/api/me", "/api/me#x",
     "/api/me?", "/api/m e", "/api/%6de", "/api/me\n", "/api/mé", "/api/" + "x" * 1_020],
)  # fmt: skip
async def test_a_download_is_of_an_address_of_the_api(office: TicketOffice, path: str) -> None:
    with pytest.raises(FrameRefused, match="needs a path of the API") as refused:
        await office.issue(ADA, TicketUse("download", path))
    assert refused.value.field == "path"


@pytest.mark.validation_point("ticket.chain")
async def test_a_ticket_makes_no_ticket(office: TicketOffice) -> None:
    redeemed = await office.redeem((await office.issue(ADA)).value, WEBSOCKET)
    for use in (WEBSOCKET, EXPORT):
        with pytest.raises(AuthenticationRefused) as refused:
            await office.issue(redeemed, use)
        assert refused.value.entry.id == "forbidden"
