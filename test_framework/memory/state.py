"""Values that agents keep, in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from heapq import nsmallest

from netra_backend.app.core.state import USER, VALUES_A_PAGE

from .store import MemoryStore


class MemoryState:
    """``state_ports.StateStore`` over a ``MemoryStore``; ``wait`` takes as long as a look does."""

    def __init__(self, store: MemoryStore, wait: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._wait = wait

    async def value(self, owner: str, thread_id: str, key: str) -> bytes | None:
        await self._wait()
        found = self._store.values.get((owner, thread_id, key))
        await self._wait()
        return None if found is None else found[0]

    async def page(self, owner: str, thread_id: str, after: str = "") -> list[tuple[str, bytes]]:
        await self._wait()
        mine = {key: kept[0] for (*place, key), kept in self._store.values.items() if place == [owner, thread_id]}
        found = [(key, mine[key]) for key in nsmallest(VALUES_A_PAGE, (key for key in mine if key > after))]
        await self._wait()
        return found

    async def expire(self, before_ms: int) -> int:
        await self._wait()
        old = [place for place, (_, at) in self._store.values.items() if place[1] == USER and at < before_ms]
        for place in old:
            del self._store.values[place]
        return len(old)
