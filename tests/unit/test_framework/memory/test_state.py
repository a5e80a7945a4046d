"""Values in memory; the rest of the port is in the contract suite."""

from __future__ import annotations

import asyncio

from test_framework.memory.state import MemoryState
from test_framework.memory.store import MemoryStore


async def test_a_copy_of_the_store_keeps_its_own_values() -> None:
    store = MemoryStore()
    store.values["user_ada", "", "k"] = (b"1", 5)
    state, copied = (MemoryState(each, lambda: asyncio.sleep(0)) for each in (store, store.copy()))
    assert await state.expire(6) == 1
    assert await state.value("user_ada", "", "k") is None
    assert await copied.page("user_ada", "") == [("k", b"1")]
