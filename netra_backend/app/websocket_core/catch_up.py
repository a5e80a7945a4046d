"""Replays to one connection what it missed: subscribe, read, check, flush, live.

While a thread is being caught up, its live events are held back from this connection: they are committed, so the next read
of the log brings them. When the log has nothing more than was sent, the thread is live again, in the same step of the loop,
so that there is neither a hole nor a repeat.

What "nothing more" means is ``Delivered``'s word: in one process all that is committed; where several serve one store, all that
was told to the connections of this one, whoever committed it.
"""

from __future__ import annotations

from typing import Final, Protocol

from ..core.errors import NotFound
from ..core.events import Position
from ..core.frames import Live, Reset, Resume
from ..core.history import ThreadHead
from ..ports import EventLog, StoredThread
from ..services.conversations import Conversations
from .connection import Connection

MAX_UNNAMED: Final = 200
"""Threads that were not named and whose tops are told, newest first."""


class Delivered(Protocol):
    """Up to where the connections of this process are told what is committed."""

    async def ready(self, owner: str) -> None:
        """Wait until what is committed for this owner is told here. Raises ``DependencyUnavailable``."""

    async def reach(self, head: ThreadHead, seq: int) -> None:
        """Have told here what is committed, where that may be needed to know this position."""

    def at(self, head: ThreadHead) -> int:
        """The newest position that was told: what comes after it will be told, and nothing else."""

    def live(self, owner: str, stored: StoredThread) -> int | None:
        """The same for a thread that was found in the store; ``None`` where it is deleted by now."""


class InOneProcess:
    """``Delivered`` where nobody else commits: what is committed was told."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def ready(self, owner: str) -> None:
        """It is from the start."""

    async def reach(self, head: ThreadHead, seq: int) -> None:
        """It was, when it was committed."""

    def at(self, head: ThreadHead) -> int:
        return head.durable

    def live(self, owner: str, stored: StoredThread) -> int | None:
        head = self._log.known(stored.thread_id)  # more may have been sent since the store was read
        if head is None:
            return stored.top
        return head.durable if head.owner else None


class CatchUp:
    """Answers ``resume`` frames. Whose thread it is, is asked again for every position."""

    def __init__(self, log: EventLog, conversations: Conversations, delivered: Delivered | None = None) -> None:
        self._log = log
        self._conversations = conversations
        self._delivered = delivered or InOneProcess(log)

    async def resume(self, connection: Connection, frame: Resume) -> None:
        """Replay every named thread, then tell the tops of the others.

        Another user's thread answers exactly as an absent one does: ``not_found``, and the rest goes on.
        """
        catching_up = connection.catching_up
        catching_up.update(
            frame.positions
        )  # from this step on, or what is told meanwhile would come before what is missing
        try:
            await self._delivered.ready(connection.user_id)
            for thread_id, position in frame.positions.items():
                try:
                    head = await self._conversations.owned_thread(connection.user_id, thread_id)
                    await self._replay(connection, head, position, frame.id)
                except NotFound as absent:
                    connection.refuse(absent, frame.id)
                finally:
                    catching_up.discard(thread_id)
        finally:
            catching_up.difference_update(frame.positions)
        for stored in await self._log.threads(connection.user_id, limit=MAX_UNNAMED):
            if stored.thread_id not in frame.positions:
                at = self._delivered.live(connection.user_id, stored)
                if at is not None:
                    connection.say(Live(stored.thread_id, stored.epoch, at))

    async def _replay(self, connection: Connection, head: ThreadHead, position: Position, id: str | None) -> None:
        """Raises ``NotFound`` where the thread is deleted meanwhile."""
        after, at, thread_id = position.seq, self._delivered.at, head.thread_id
        fresh = position.seq == 0
        await self._delivered.reach(head, after)
        if after < 0 or after > at(head) or (not fresh and position.epoch != head.epoch) or after < head.oldest - 1:
            connection.say(Reset(thread_id, head.epoch, head.oldest, at(head), id))
            return
        while after < at(head):
            async for page in self._log.pages(head, after, at(head)):
                await connection.drained()
                if not connection.is_live:
                    return
                connection.push(*page)
                after += len(page)
            # The same object, unless it was let go and read again while nothing happened in the thread.
            head = await self._conversations.owned_thread(connection.user_id, thread_id)
        connection.say(Live(thread_id, head.epoch, after, id))
