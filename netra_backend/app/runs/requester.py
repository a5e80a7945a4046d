"""Somebody whose socket ends in another process, or who has none."""

from __future__ import annotations

import asyncio

from ..core.errors import NetraError
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

    def _answer(self, answer: AnyAnswer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)
