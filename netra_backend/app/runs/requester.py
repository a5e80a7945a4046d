"""Somebody whose socket ends in another process, or who has none."""

from __future__ import annotations

import asyncio

from ..core.errors import DependencyUnavailable, NetraError
from ..core.frames import Accepted, ServerFrame
from ..core.peer_messages import AnyAnswer, NotHere, PeerRefused, Taken


class RemoteRequester:
    """A ``ports.Requester`` for whom another process asks, which has looked at the agents that it may ask. What it is sent first
    is the ``answer`` to that process."""

    connection_id = None
    agents: frozenset[str] = frozenset()

    def __init__(self, user_id: str, scopes: frozenset[str] = frozenset(), plan: str = "") -> None:
        self.user_id = user_id
        self.scopes = scopes
        self.plan = plan
        self.answer: asyncio.Future[AnyAnswer] = asyncio.get_running_loop().create_future()

    def say(self, frame: ServerFrame) -> None:
        """It was accepted."""
        assert isinstance(frame, Accepted)
        self._answer(Taken(frame))

    def refuse(self, error: NetraError, id: str | None = None) -> None:
        """It was refused."""
        self._answer(PeerRefused.of(error))

    def send_away(self) -> None:
        """It is not held here."""
        self._answer(NotHere())

    async def stored(self, within_s: float) -> None:
        """Wait until what was said of a question is stored. Raises what it was refused with, and ``DependencyUnavailable`` if
        that is not known in time."""
        try:
            async with asyncio.timeout(within_s):
                stored = await self.answer
        except TimeoutError:
            raise DependencyUnavailable(
                "The answer was accepted, but the server does not know yet whether it is stored.", retry_after_ms=1000
            ) from None
        if isinstance(stored, PeerRefused):
            raise stored.as_error()

    def _answer(self, answer: AnyAnswer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)
