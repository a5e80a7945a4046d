"""Revocations that other processes hear of: stored first, then told."""

from __future__ import annotations

from ..core.identity import RevokedToken
from ..sign_in_ports import RevocationStore
from .peer_client import PeerClient


class BroadcastingRevocationStore:
    """``ports.RevocationStore`` over another. Who does not hear of one finds it in the store, a little later."""

    def __init__(self, store: RevocationStore, peers: PeerClient) -> None:
        self._store = store
        self._peers = peers

    async def load(self) -> dict[str, int]:
        return await self._store.load()

    async def add(self, user_id: str, until_ms: int) -> None:
        await self._store.add(user_id, until_ms)
        self._peers.revoked(user_id, until_ms)

    async def load_tokens(self) -> list[RevokedToken]:
        return await self._store.load_tokens()

    async def add_token(self, revoked: RevokedToken, now_ms: int) -> None:
        await self._store.add_token(revoked, now_ms)
        self._peers.token_revoked(revoked)
