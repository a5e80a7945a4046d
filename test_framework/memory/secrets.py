"""Secrets of users, and their MCP servers, in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from netra_backend.app.secret_ports import SealedSecret

from .store import MemoryStore


class MemorySecrets:
    """``secret_ports.SecretStore`` over a ``MemoryStore``; ``wait`` takes as long as a look does."""

    def __init__(
        self,
        store: MemoryStore,
        wait: Callable[[], Awaitable[None]],
        now_ms: Callable[[], int],
        table: Literal["secret", "mcp_server"] = "secret",
    ) -> None:
        self._store = store
        self._is_secret = table == "secret"
        self._wait = wait
        self._now_ms = now_ms

    @property
    def _kept(self) -> dict[tuple[str, str], tuple[SealedSecret, int]]:
        return self._store.secrets if self._is_secret else self._store.mcp_servers

    async def put(self, owner: str, name: str, secret: SealedSecret, most: int) -> bool:
        await self._wait()
        others = [place for place in self._kept if place[0] == owner and place[1] != name]
        if len(others) >= most:
            return False
        self._kept[owner, name] = secret, self._now_ms()
        return True

    async def find(self, owner: str, name: str) -> SealedSecret | None:
        await self._wait()
        found = self._kept.get((owner, name))
        return None if found is None else found[0]

    async def names(self, owner: str) -> list[tuple[str, int]]:
        await self._wait()
        return sorted((name, kept[1]) for (each, name), kept in self._kept.items() if each == owner)

    async def remove(self, owner: str, name: str) -> bool:
        await self._wait()
        return self._kept.pop((owner, name), None) is not None

    async def replace(self, owner: str, name: str, old: SealedSecret, new: SealedSecret) -> bool:
        await self._wait()
        kept = self._kept.get((owner, name))
        if kept is None or kept[0] != old:
            return False
        self._kept[owner, name] = new, kept[1]
        return True

    async def stale(self, key_id: str, after: tuple[str, str] = ("", "")) -> list[tuple[str, str]]:
        await self._wait()
        found = (place for place, kept in self._kept.items() if kept[0].key_id != key_id and place > after)
        return sorted(found)[:100]
