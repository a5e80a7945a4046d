"""A few places on one event loop that users share, so that nobody waits for all that another user does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..core.fair_turns import FairTurns


class SharedPlaces:
    """At most ``most`` are taken. Who waits has a turn as ``core.fair_turns`` gives it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._turns: FairTurns[asyncio.Future[None]] = FairTurns()

    def __len__(self) -> int:
        """How many have one or wait for one."""
        return len(self._turns)

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncIterator[None]:
        """One of this owner's, which is free again at the end."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.put(owner, turn)
        self._next()
        try:
            await turn
            yield
        finally:
            if turn.cancelled():
                self._turns.withdraw(owner, turn)
            else:
                self._turns.leave(owner)
            self._next()

    def _next(self) -> None:
        while (taken := self._turns.take(self._most)) is not None:
            owner, turn = taken
            if turn.cancelled():
                self._turns.leave(owner)
            else:
                turn.set_result(None)
