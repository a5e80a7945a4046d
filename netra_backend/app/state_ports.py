"""What values of agents ask of the outside. The other ports are in ``ports``."""

from __future__ import annotations

from typing import Protocol


class StateStore(Protocol):
    """Values that agents keep, in the store of the event log, which writes them with its events (``core.state``). A value is its
    thread's, and is deleted with it; or its user's, if ``thread_id`` is ``core.state.USER``. Every call but ``expire`` names
    the owner, and sees nobody else's."""

    async def value(self, owner: str, thread_id: str, key: str) -> bytes | None:
        """The committed value."""

    async def page(self, owner: str, thread_id: str, after: str = "") -> list[tuple[str, bytes]]:
        """Keys and values whose keys are greater, in order; at most 100."""

    async def expire(self, before_ms: int) -> int:
        """Delete values of users, whoever's, that were last written before then; how many."""
