"""Revoked sign-ins: for each user, the time up to which issued tokens are invalid."""

from __future__ import annotations

from collections.abc import Callable

from ..core.identity import Identity
from ..core.ids import check_id
from ..ports import RevocationStore


class Revocations:
    """The revocations, in memory, with a store behind them.

    They are checked when a client connects and again for live connections; ``listen`` reports new ones at once, so that no
    caller has to poll.
    """

    def __init__(self, store: RevocationStore) -> None:
        self._store = store
        self._until_ms: dict[str, int] = {}
        self._listeners: list[Callable[[str], None]] = []

    async def load(self) -> None:
        """Load stored revocations; once, before the server accepts requests."""
        for user_id, until_ms in (await self._store.load()).items():
            self.learn(user_id, until_ms)

    def is_revoked(self, identity: Identity) -> bool:
        """Whether this sign-in is revoked."""
        return identity.issued_at_ms <= self._until_ms.get(identity.user_id, -1)

    async def revoke(self, user_id: str, now_ms: int) -> None:
        """Revoke everything issued to the user up to now. It is in force at once, and stored on return. Raises
        ``InvalidContextError`` if this is not a user id."""
        check_id("user_id", user_id)
        self.learn(user_id, now_ms)
        await self._store.add(user_id, now_ms)

    def learn(self, user_id: str, until_ms: int) -> None:
        """Apply a stored revocation of another process. An older one changes nothing."""
        if until_ms > self._until_ms.get(user_id, -1):
            self._until_ms[user_id] = until_ms
            for tell in self._listeners:
                tell(user_id)

    def listen(self, tell: Callable[[str], None]) -> None:
        """Call ``tell(user_id)`` from now on whenever a user's sign-ins are revoked."""
        self._listeners.append(tell)
