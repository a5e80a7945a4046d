"""Tickets of one process."""

from __future__ import annotations

from netra_backend.app.adapters.auth import local_tickets
from netra_backend.app.adapters.auth.local_tickets import IN_ALL, PER_USER, LocalTickets
from netra_backend.app.core.identity import WEBSOCKET, Identity


def somebody(user_id: str) -> Identity:
    return Identity(user_id, frozenset({"usage"}), None, 0)


async def test_tickets_that_ran_out_make_room() -> None:
    store = LocalTickets()
    for number in range(PER_USER):
        await store.put(f"a{number}", somebody("ada"), WEBSOCKET, number, 30 + number)
    assert await store.put("late", somebody("ada"), WEBSOCKET, 31, 61)
    assert len(store) == PER_USER - 1
    assert await store.take("a0") is None
    assert await store.take("a2") == (somebody("ada"), WEBSOCKET, 32)


async def test_tickets_of_all_are_bounded_and_nothing_is_kept_of_users_without_any() -> None:
    store = LocalTickets()
    for number in range(IN_ALL):
        assert await store.put(f"d{number}", somebody(f"user_{number}"), WEBSOCKET, 0, 30)
    assert not await store.put("more", somebody("ada"), WEBSOCKET, 0, 30)
    assert await store.put("more", somebody("ada"), WEBSOCKET, 30, 60)
    assert len(store) == len(store._held) == 1
    assert local_tickets.IN_ALL == 10_000
