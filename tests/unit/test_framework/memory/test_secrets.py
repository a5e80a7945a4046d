"""Secrets in memory; the rest of the port is in the contract suite."""

from __future__ import annotations

import asyncio

from netra_backend.app.secret_ports import SealedSecret
from test_framework.memory.secrets import MemorySecrets
from test_framework.memory.store import MemoryStore


async def test_a_copy_of_the_store_keeps_its_own_secrets() -> None:
    store = MemoryStore()
    secrets = MemorySecrets(store, lambda: asyncio.sleep(0), lambda: 5)
    await secrets.put("user_ada", "k", SealedSecret("id", b"x"), 1)
    copied = MemorySecrets(store.copy(), lambda: asyncio.sleep(0), lambda: 5)
    assert await secrets.remove("user_ada", "k")
    assert await copied.names("user_ada") == [("k", 5)]
