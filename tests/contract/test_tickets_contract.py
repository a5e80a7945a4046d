"""What every store of tickets promises (``ports.Tickets``): one suite over all adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from netra_backend.app.adapters.auth.local_tickets import LocalTickets
from netra_backend.app.adapters.postgres.connection import WRITER, open_pool
from netra_backend.app.adapters.postgres.tickets import PostgresTickets
from netra_backend.app.core.identity import WEBSOCKET, Identity, TicketUse
from netra_backend.app.core.limits import Limits
from netra_backend.app.sign_in_ports import Tickets

PER_USER = 3
LIMITS = Limits(tickets=PER_USER)


def somebody(user_id: str) -> Identity:
    return Identity(user_id, frozenset({"usage", "admin"}), 90_000, 5, "tok", "https://issuer.example")


@pytest.fixture(params=["local", "postgres"])
def place(request: pytest.FixtureRequest) -> str | None:
    """The address of a database, where the adapter needs one."""
    return None if request.param == "local" else request.getfixturevalue("netra_database").url


@pytest.fixture
async def store(place: str | None) -> AsyncIterator[Tickets]:
    if place is None:
        yield LocalTickets(LIMITS)
        return
    async with await open_pool(place, WRITER, size=5) as writer:
        yield PostgresTickets(writer, LIMITS)


async def test_a_ticket_is_taken_once_with_all_that_was_known_of_its_owner(store: Tickets) -> None:
    assert await store.put("d1", somebody("ada"), WEBSOCKET, 0, 30)
    assert await store.put("d2", Identity("bob", frozenset(), None, 0), WEBSOCKET, 0, 31)
    assert await store.take("d1") == (somebody("ada"), WEBSOCKET, 30)
    assert await store.take("d1") is None
    assert await store.take("d2") == (Identity("bob", frozenset(), None, 0), WEBSOCKET, 31)
    assert await store.take("never-put") is None


async def test_a_ticket_says_what_it_opens(store: Tickets) -> None:
    download = TicketUse("download", "/api/usage/report?from=2026-11-01&team=a%20b")
    assert await store.put("d1", somebody("ada"), download, 0, 30)
    assert await store.put("d2", somebody("ada"), WEBSOCKET, 0, 30)
    assert await store.take("d1") == (somebody("ada"), download, 30)
    assert await store.take("d2") == (somebody("ada"), WEBSOCKET, 30)


async def test_of_many_who_ask_for_it_at_once_one_gets_it(store: Tickets) -> None:
    await store.put("d1", somebody("ada"), WEBSOCKET, 0, 30)
    taken = await asyncio.gather(*(store.take("d1") for _ in range(20)))
    assert [found for found in taken if found is not None] == [(somebody("ada"), WEBSOCKET, 30)]


async def test_a_user_who_has_too_many_leaves_room_to_others(store: Tickets) -> None:
    for number in range(PER_USER):
        assert await store.put(f"a{number}", somebody("ada"), WEBSOCKET, 0, 30)
    assert not await store.put("a-more", somebody("ada"), WEBSOCKET, 29, 60)
    assert await store.take("a-more") is None
    assert await store.put("b", somebody("bob"), WEBSOCKET, 29, 60)
    await store.take("a0")
    assert await store.put("a-more", somebody("ada"), WEBSOCKET, 29, 60)


async def test_no_more_than_are_allowed_are_put_at_once(store: Tickets) -> None:
    many = [store.put(f"a{number}", somebody("ada"), WEBSOCKET, 0, 30) for number in range(3 * PER_USER)]
    put = await asyncio.gather(*many)
    assert sum(put) == PER_USER


async def test_tickets_that_ran_out_make_room(store: Tickets) -> None:
    for number in range(PER_USER):
        await store.put(f"a{number}", somebody("ada"), WEBSOCKET, number, 30 + number)
    assert await store.put("late", somebody("ada"), WEBSOCKET, 31, 61)
    assert await store.take("a0") is None
    assert await store.take("a2") == (somebody("ada"), WEBSOCKET, 32)


async def test_a_user_who_leaves_has_no_tickets_any_more_and_others_keep_theirs(store: Tickets) -> None:
    for number in range(PER_USER):
        assert await store.put(f"a{number}", somebody("ada"), WEBSOCKET, 0, 30)
    assert await store.put("b", somebody("bob"), WEBSOCKET, 0, 30)
    await store.remove("ada")
    await store.remove("eve")
    assert [await store.take(f"a{number}") for number in range(PER_USER)] == [None] * PER_USER
    assert await store.take("b") == (somebody("bob"), WEBSOCKET, 30)
    for number in range(PER_USER):  # none is counted still
        assert await store.put(f"c{number}", somebody("ada"), WEBSOCKET, 0, 30)
    assert not await store.put("c-more", somebody("ada"), WEBSOCKET, 0, 30)
