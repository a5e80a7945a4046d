"""Revocations in memory beyond what every store of them promises: a test can begin with some, and share them."""

from __future__ import annotations

from netra_backend.app.core.identity import RevokedToken
from test_framework.memory.revocations import MemoryRevocations


async def test_a_store_begins_with_what_it_is_given_and_shows_what_it_keeps() -> None:
    store = MemoryRevocations(user_ada=5)
    assert await store.load() == {"user_ada": 5}
    await store.add("user_bob", 6)
    await store.add_token(RevokedToken("user_ada", "t1", 9), 6)
    assert store.kept == {"user_ada": 5, "user_bob": 6}
    assert store.tokens == [RevokedToken("user_ada", "t1", 9)]


async def test_what_was_loaded_is_the_callers_own() -> None:
    store = MemoryRevocations(user_ada=5)
    (await store.load()).clear()
    (await store.load_tokens()).append(RevokedToken("user_ada", "t1", 9))
    assert (store.kept, store.tokens) == ({"user_ada": 5}, [])
