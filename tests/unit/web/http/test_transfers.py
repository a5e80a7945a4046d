"""Uploads and exports: counted, bounded, and ended with their user's sign-in."""

from __future__ import annotations

import asyncio

import pytest

from netra_backend.app.core import validation
from netra_backend.app.core.errors import AuthenticationRefused, LimitRefused
from netra_backend.app.core.identity import Identity
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.quotas import Quotas
from netra_backend.app.web.http.transfers import Transfers
from test_framework.clock import ManualClock

ENDED: set[Identity] = set()


def somebody(user_id: str, token_id: str = "t1") -> Identity:
    return Identity(user_id, frozenset(), None, 0, token_id)


def standing(identity: Identity) -> Identity:
    if identity in ENDED:
        raise AuthenticationRefused("Too late.", kind="token_expired", point=validation.AUTH_EXPIRED)
    return identity


@pytest.fixture
def transfers() -> Transfers:
    ENDED.clear()
    limits = Limits(transfers=2, process_transfers=3)
    return Transfers(Quotas(limits), limits, ManualClock(), standing)


@pytest.mark.validation_point("limit.transfers")
def test_transfers_of_one_user_are_bounded(transfers: Transfers) -> None:
    first, second = transfers.begin(somebody("ada")), transfers.begin(somebody("ada"))
    with pytest.raises(LimitRefused, match="The limit is 2"):
        transfers.begin(somebody("ada"))
    first.close()
    first.close()
    transfers.begin(somebody("ada")).close()
    second.close()
    assert (len(transfers), transfers.begun) == (0, 3)


@pytest.mark.validation_point("transfer.capacity")
def test_transfers_of_one_process_are_bounded(transfers: Transfers) -> None:
    for user in ("ada", "bob", "eve"):
        transfers.begin(somebody(user))
    with pytest.raises(LimitRefused, match="no capacity") as refused:
        transfers.begin(somebody("joe"))
    assert (refused.value.entry.id, refused.value.entry.status) == ("transfer_limit", 429)


@pytest.mark.validation_point("transfer.capacity")
async def test_a_user_who_has_none_gets_one_while_others_have_several() -> None:
    limits = Limits(transfers=4, process_transfers=8)
    transfers = Transfers(Quotas(limits), limits, ManualClock(), standing)
    ada = [transfers.begin(somebody("ada")) for _ in range(4)]
    [transfers.begin(somebody("bob")) for _ in range(2)]
    for user in ("ada", "bob"):  # what is left is for those who have none
        with pytest.raises(LimitRefused):
            transfers.begin(somebody(user))
    joe, eve = transfers.begin(somebody("joe")), transfers.begin(somebody("eve"))
    with pytest.raises(LimitRefused, match="no capacity"):
        transfers.begin(somebody("joe"))
    going_on = asyncio.ensure_future(ada[3].perform(asyncio.Event().wait()))
    await asyncio.sleep(0)
    transfers.begin(somebody("joan"))
    assert [each.is_ended for each in (*ada, joe, eve)] == [False, False, False, True, False, False]
    with pytest.raises(LimitRefused) as refused:
        await going_on
    assert refused.value.entry.id == "transfer_limit"
    for user in ("u1", "u2", "u3"):
        transfers.begin(somebody(user))
    assert sum(each.is_ended for each in ada) == 3
    with pytest.raises(LimitRefused):  # everybody has one
        transfers.begin(somebody("u4"))


def test_what_was_ended_and_is_not_over_is_bounded_too() -> None:
    limits = Limits(transfers=2, process_transfers=2)
    transfers = Transfers(Quotas(limits), limits, ManualClock(), standing)
    for user in ("ada", "bob", "eve", "joe"):
        transfers.begin(somebody(user))
        transfers.end_user(user)
    with pytest.raises(LimitRefused, match="no capacity"):
        transfers.begin(somebody("joan"))


async def test_what_a_transfer_does_is_what_it_gives(transfers: Transfers) -> None:
    async def work() -> int:
        return 7

    async def broken() -> int:
        raise ValueError("no")

    transfer = transfers.begin(somebody("ada"))
    assert await transfer.perform(work()) == 7
    with pytest.raises(ValueError, match="no"):
        await transfer.perform(broken())


@pytest.mark.validation_point("transfer.ended")
async def test_a_transfer_that_is_ended_stops_what_it_does_and_does_nothing_more(transfers: Transfers) -> None:
    forever: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await forever

    transfer, other = transfers.begin(somebody("ada")), transfers.begin(somebody("bob"))
    going_on = asyncio.create_task(transfer.perform(work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    transfers.end_user("ada")
    with pytest.raises(AuthenticationRefused) as refused:
        await going_on
    assert refused.value.entry.id == "revoked"
    assert forever.cancelled()
    with pytest.raises(AuthenticationRefused):
        await transfer.perform(work())
    assert not other.is_ended


async def test_who_asked_for_a_transfer_may_stop_it(transfers: Transfers) -> None:
    forever: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await forever

    asking = asyncio.create_task(transfers.begin(somebody("ada")).perform(work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert forever.cancelled()


async def test_the_end_of_a_users_transfers_can_be_awaited(transfers: Transfers) -> None:
    transfer = transfers.begin(somebody("ada"))
    transfers.begin(somebody("bob"))
    waiting = asyncio.create_task(transfers.ended("ada"))
    await asyncio.sleep(0)
    assert not waiting.done()
    transfer.close()
    await waiting


@pytest.mark.validation_point("transfer.ended")
async def test_a_transfer_ends_a_second_after_its_sign_in_and_says_why(transfers: Transfers) -> None:
    forever: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await forever

    transfer, other = transfers.begin(somebody("ada")), transfers.begin(somebody("ada", "t2"))
    transfers.tick()
    assert not transfer.is_ended
    ENDED.add(transfer.identity)
    going_on = asyncio.create_task(transfer.perform(work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    transfers.tick()
    assert (transfer.is_ended, other.is_ended) == (True, False)
    with pytest.raises(AuthenticationRefused) as refused:
        await going_on
    assert refused.value.entry.id == "token_expired"


def test_a_revocation_ends_what_goes_on_by_the_sign_ins_that_it_is_about(transfers: Transfers) -> None:
    one, other = transfers.begin(somebody("ada")), transfers.begin(somebody("ada", "t2"))
    ENDED.add(one.identity)
    transfers.end_sign_ins("bob")
    assert not one.is_ended
    transfers.end_sign_ins("ada")
    assert (one.is_ended, other.is_ended) == (True, False)
