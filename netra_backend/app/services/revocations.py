"""Revoked sign-ins: for each user, the moment up to which tokens that were issued count no more."""

from __future__ import annotations

from collections.abc import Callable

from ..core.identity import Identity
from ..core.ids import check_id
from ..ports import RevocationStore


class Revocations:
    """What was revoked, in memory, with a store behind it.

    Asked when somebody connects and again for connections that live; ``listen`` tells of new ones at once, so that nobody
    has to ask in a loop.
    """

    def __init__(self, store: RevocationStore) -> None:
        self._store = store
        self._until_ms: dict[str, int] = {}
        self._listeners: list[Callable[[str], None]] = []

    async def load(self) -> None:
        """Read what was revoked before; once, before anybody is served."""
        for user_id, until_ms in (await self._store.load()).items():
            self.learn(user_id, until_ms)

    def is_revoked(self, identity: Identity) -> bool:
        """Whether this sign-in counts no more."""
        return identity.issued_at_ms <= self._until_ms.get(identity.user_id, -1)

    async def revoke(self, user_id: str, now_ms: int) -> None:
        """Revoke all that was issued to the user up to now. Stored on return; in force before. Raises
        ``InvalidContextError`` for what is no user id."""
        check_id("user_id", user_id)
        self.learn(user_id, now_ms)
        await self._store.add(user_id, now_ms)

    def learn(self, user_id: str, until_ms: int) -> None:
        """Take over a revocation that is stored (another process made it). An older one changes nothing."""
        if until_ms > self._until_ms.get(user_id, -1):
            self._until_ms[user_id] = until_ms
            for tell in self._listeners:
                tell(user_id)

    def listen(self, tell: Callable[[str], None]) -> None:
        """From now on call ``tell(user_id)`` when a user's sign-ins are revoked."""
        self._listeners.append(tell)
