"""Revocations in memory (``ports.RevocationStore``), for tests and the simulation."""

from __future__ import annotations

from netra_backend.app.core.identity import RevokedToken


class MemoryRevocations:
    """``kept`` is the latest moment of each user, ``tokens`` the single sign-ins. Servers of a test may share one."""

    def __init__(self, **kept: int) -> None:
        self.kept = kept
        self.tokens: list[RevokedToken] = []

    async def load(self) -> dict[str, int]:
        return dict(self.kept)

    async def add(self, user_id: str, until_ms: int) -> None:
        self.kept[user_id] = max(until_ms, self.kept.get(user_id, until_ms))

    async def load_tokens(self) -> list[RevokedToken]:
        return list(self.tokens)

    async def add_token(self, revoked: RevokedToken, now_ms: int) -> None:
        self.tokens = [each for each in self.tokens if each.ends_at_ms > now_ms]
        same = [each for each in self.tokens if (each.user_id, each.token_id) == (revoked.user_id, revoked.token_id)]
        if all(each.ends_at_ms < revoked.ends_at_ms for each in same):
            self.tokens = [each for each in self.tokens if each not in same] + [revoked]
