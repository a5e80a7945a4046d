"""Replays to one connection what it missed: subscribe, read, check, flush, live.

While a thread is being caught up, its live events are held back from this connection: they are committed, so the next read
of the log brings them. When the log has nothing more than was sent, the thread is live again, in the same step of the loop,
so that there is neither a hole nor a repeat.
"""

from __future__ import annotations

from typing import Final

from ..core.errors import NotFound
from ..core.events import Position
from ..core.frames import Live, Reset, Resume
from ..core.history import ThreadHead
from ..ports import EventLog
from ..services.conversations import Conversations
from .connection import Connection

MAX_UNNAMED: Final = 200
"""Threads that were not named and whose tops are told, newest first."""


class CatchUp:
    """Answers ``resume`` frames. Whose thread it is, is asked again for every position."""

    def __init__(self, log: EventLog, conversations: Conversations) -> None:
        self._log = log
        self._conversations = conversations

    async def resume(self, connection: Connection, frame: Resume) -> None:
        """Replay every named thread, then tell the tops of the others.

        Another user's thread answers exactly as an absent one does: ``not_found``, and the rest goes on.
        """
        for thread_id, position in frame.positions.items():
            try:
                head = await self._conversations.owned_thread(connection.user_id, thread_id)
                await self._replay(connection, head, position, frame.id)
            except NotFound as absent:
                connection.refuse(absent, frame.id)
        for stored in await self._log.threads(connection.user_id, limit=MAX_UNNAMED):
            if stored.thread_id not in frame.positions:
                now = self._log.known(stored.thread_id)  # more may have been sent since the store was read
                if now is None:
                    connection.say(Live(stored.thread_id, stored.epoch, stored.top))
                elif now.owner:
                    connection.say(Live(now.thread_id, now.epoch, now.durable))

    async def _replay(self, connection: Connection, head: ThreadHead, position: Position, id: str | None) -> None:
        """Raises ``NotFound`` where the thread is deleted meanwhile."""
        after = position.seq
        fresh = position.seq == 0
        if after < 0 or after > head.durable or (not fresh and position.epoch != head.epoch) or after < head.oldest - 1:
            connection.say(Reset(head.thread_id, head.epoch, head.oldest, head.durable, id))
            return
        connection.catching_up.add(head.thread_id)
        try:
            while after < head.durable:
                async for page in self._log.pages(head, after, head.durable):
                    await connection.drained()
                    if not connection.is_live:
                        return
                    connection.push(*page)
                    after += len(page)
                # The same object, unless it was let go and read again while nothing happened in the thread.
                head = await self._conversations.owned_thread(connection.user_id, head.thread_id)
        finally:
            connection.catching_up.discard(head.thread_id)
        connection.say(Live(head.thread_id, head.epoch, after, id))
