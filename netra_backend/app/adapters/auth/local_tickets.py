"""Tickets of one process, in memory (``ports.Tickets``)."""

from __future__ import annotations

from collections import Counter, OrderedDict

from ...core.identity import Identity, TicketUse
from ...core.limits import USUAL, Limits


class LocalTickets:
    """Tickets leave when they are taken, and those that ran out when there is need of room."""

    def __init__(self, limits: Limits = USUAL) -> None:
        self._per_user, self._in_all = limits.tickets, limits.all_tickets
        # Swept from its front: a plain dict would go over the places of all that left before, for each one that leaves.
        self._tickets: OrderedDict[str, tuple[Identity, TicketUse, int]] = OrderedDict()
        self._held: Counter[str] = Counter()

    async def put(self, digest: str, identity: Identity, use: TicketUse, now_ms: int, expires_at_ms: int) -> bool:
        if self._held[identity.user_id] >= self._per_user or len(self._tickets) >= self._in_all:
            self._sweep(now_ms)
            if self._held[identity.user_id] >= self._per_user or len(self._tickets) >= self._in_all:
                return False
        self._tickets[digest] = (identity, use, expires_at_ms)
        self._held[identity.user_id] += 1
        return True

    async def take(self, digest: str) -> tuple[Identity, TicketUse, int] | None:
        found = self._tickets.pop(digest, None)
        if found is not None:
            self._let_go(found[0].user_id)
        return found

    async def remove(self, user_id: str) -> None:
        for digest in [each for each, (identity, _, _) in self._tickets.items() if identity.user_id == user_id]:
            await self.take(digest)

    def __len__(self) -> int:
        return len(self._tickets)

    def _sweep(self, now_ms: int) -> None:
        """All live equally long and are kept in order of issue: the first that lives ends the sweep."""
        while self._tickets:
            digest = next(iter(self._tickets))
            identity, _, expires_at_ms = self._tickets[digest]
            if expires_at_ms > now_ms:
                return
            del self._tickets[digest]
            self._let_go(identity.user_id)

    def _let_go(self, user_id: str) -> None:
        self._held[user_id] -= 1
        if not self._held[user_id]:
            del self._held[user_id]
