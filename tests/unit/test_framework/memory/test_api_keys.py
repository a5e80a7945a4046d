"""API keys in memory; the rest of the port is in the contract suite."""

from __future__ import annotations

import asyncio

from netra_backend.app.core.api_keys import ApiKey
from test_framework.memory.api_keys import MemoryApiKeys
from test_framework.memory.store import MemoryStore

KEY = ApiKey("k1", "user_ada", "ci", b"digest", frozenset({"usage"}), frozenset(), "", 1, 1, 2)


async def test_a_copy_of_the_store_keeps_its_own_keys() -> None:
    store = MemoryStore()
    keys = MemoryApiKeys(store, lambda: asyncio.sleep(0))
    assert await keys.add(KEY, 1) == "added"
    copied = MemoryApiKeys(store.copy(), lambda: asyncio.sleep(0))
    assert await keys.remove("user_ada", "k1")
    assert await copied.of("user_ada") == [KEY]
