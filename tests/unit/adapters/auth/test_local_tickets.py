"""Tickets of one process."""

from __future__ import annotations

from netra_backend.app.adapters.auth.local_tickets import LocalTickets
from netra_backend.app.core.identity import WEBSOCKET, Identity
from netra_backend.app.core.limits import Limits

PER_USER = 3
IN_ALL = 10
LIMITS = Limits(tickets=PER_USER, all_tickets=IN_ALL)


def somebody(user_id: str) -> Identity:
    return Identity(user_id, frozenset({"usage"}), None, 0)


async def test_tickets_that_ran_out_make_room() -> None:
    store = LocalTickets(LIMITS)
    for number in range(PER_USER):
        await store.put(f"a{number}", somebody("ada"), WEBSOCKET, number, 30 + number)
    assert await store.put("late", somebody("ada"), WEBSOCKET, 31, 61)
    assert len(store) == PER_USER - 1
    assert await store.take("a0") is None
    assert await store.take("a2") == (somebody("ada"), WEBSOCKET, 32)


async def test_tickets_of_all_are_bounded_and_nothing_is_kept_of_users_without_any() -> None:
    store = LocalTickets(LIMITS)
    for number in range(IN_ALL):
        assert await store.put(f"d{number}", somebody(f"user_{number}"), WEBSOCKET, 0, 30)
    assert not await store.put("more", somebody("ada"), WEBSOCKET, 0, 30)
    assert await store.put("more", somebody("ada"), WEBSOCKET, 30, 60)
    assert len(store) == len(store._held) == 1


async def test_nothing_is_kept_of_users_whose_tickets_were_removed() -> None:
    store = LocalTickets(LIMITS)
    await store.put("a", somebody("ada"), WEBSOCKET, 0, 30)
    await store.remove("ada")
    assert len(store) == len(store._held) == 0
