"""API keys of users, in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from netra_backend.app.core.api_keys import ApiKey
from netra_backend.app.core.limits import USUAL, Limits
from netra_backend.app.ports import Clock, Entropy
from netra_backend.app.services.api_keys import ApiKeys
from netra_backend.app.services.revocations import Revocations
from netra_backend.app.sign_in_ports import Added

from .store import MemoryStore


class MemoryApiKeys:
    """``sign_in_ports.ApiKeyStore`` over a ``MemoryStore``; ``wait`` takes as long as a look does."""

    def __init__(self, store: MemoryStore, wait: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._wait = wait

    async def add(self, key: ApiKey, most: int, made_by: str = "") -> Added:
        await self._wait()
        mine = [each for each in self._store.api_keys.values() if each.owner == key.owner]
        if any(each.name == key.name for each in mine):
            return "named"
        if len(mine) >= most:
            return "full"
        self._store.api_keys[key.key_id] = key
        return "added"

    async def find(self, key_id: str, known_to_be: str = "") -> ApiKey | None:
        await self._wait()
        return self._store.api_keys.get(key_id)

    async def of(self, owner: str) -> list[ApiKey]:
        await self._wait()
        return sorted((each for each in self._store.api_keys.values() if each.owner == owner), key=lambda key: key.name)

    async def used(self, owner: str, key_id: str, at_ms: int) -> None:
        await self._wait()
        key = self._store.api_keys.get(key_id)
        if key is not None and key.owner == owner and key.used_ms < at_ms:
            self._store.api_keys[key_id] = replace(key, used_ms=at_ms)

    async def remove(self, owner: str, key_id: str) -> bool:
        await self._wait()
        key = self._store.api_keys.get(key_id)
        if key is None or key.owner != owner:
            return False
        del self._store.api_keys[key_id]
        return True


async def _at_once() -> None:
    pass


def memory_api_keys(
    revocations: Revocations, clock: Clock, entropy: Entropy, limits: Limits = USUAL, store: MemoryStore | None = None
) -> ApiKeys:
    """API keys in memory, over a store of their own unless one is given."""
    return ApiKeys(MemoryApiKeys(store or MemoryStore(), _at_once), revocations, clock, entropy, limits)
