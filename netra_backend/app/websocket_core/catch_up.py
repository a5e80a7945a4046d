"""Replays to one connection what it missed: subscribe, read, check, flush, live.

While a thread is being caught up, its live events are held back from this connection: they are committed, so the next read
of the log brings them. When the log has nothing more than was sent, the thread is live again, in the same step of the loop,
so that there is neither a hole nor a repeat.

A log that is away is waited for, as runs wait for it: it has nothing new meanwhile, and who resumes has nothing to decide.

What "nothing more" means is ``Delivered``'s word: in one process all that is committed; where several serve one store, all that
was told to the connections of this one, whoever committed it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from ..core.errors import DependencyUnavailable, NotFound
from ..core.events import Position
from ..core.frames import Live, Reset, Resume
from ..core.history import StoredThread, ThreadHead
from ..core.limits import USUAL, Limits
from ..ports import EventLog
from ..services.conversations import Conversations
from .connection import Connection

AGAIN_S: Final = 0.25
"""How soon a log that could not be read is read again."""


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


class _Patience:
    """Waits for a log that is away, so long as somebody waits for the answer."""

    def __init__(self, log: EventLog, sleep: Callable[[float], Awaitable[None]], wait_s: float) -> None:
        self._log = log
        self._sleep = sleep
        self._left = round(wait_s / AGAIN_S)

    async def wait(self, away: DependencyUnavailable) -> None:
        """Wait a moment. Raises ``away`` where it has been long enough, or this process has its log no more."""
        if self._log.failed or not self._left:
            raise away
        self._left -= 1
        await self._sleep(AGAIN_S)


class CatchUp:
    """Answers ``resume`` frames. Whose thread it is, is asked again for every position."""

    def __init__(
        self,
        log: EventLog,
        conversations: Conversations,
        delivered: Delivered | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        limits: Limits = USUAL,
    ) -> None:
        self._log = log
        self._conversations = conversations
        self._delivered = delivered or InOneProcess(log)
        self._sleep = sleep
        self._wait_s = limits.replay_wait_s
        self._most_threads = limits.replayed_threads

    async def resume(self, connection: Connection, frame: Resume) -> None:
        """Replay every named thread, then tell the tops of the others.

        Each named thread is answered, in the order of the names, with ``live``, ``reset`` or an error: whoever has named several
        would wait for those that no word is said of. Another user's thread answers exactly as an absent one does:
        ``not_found``, and the rest goes on.
        """
        catching_up = connection.catching_up
        catching_up.update(
            frame.positions
        )  # from this step on, or what is told meanwhile would come before what is missing
        patience = _Patience(self._log, self._sleep, self._wait_s)
        try:
            for thread_id, position in frame.positions.items():
                try:
                    await self._replay(connection, thread_id, position, frame.id, patience)
                except (NotFound, DependencyUnavailable) as refusal:
                    connection.refuse(refusal, frame.id)
                finally:
                    catching_up.discard(thread_id)
        finally:
            catching_up.difference_update(frame.positions)
        for stored in await self._threads(connection.user_id, patience):
            if stored.thread_id not in frame.positions:
                at = self._delivered.live(connection.user_id, stored)
                if at is not None:
                    connection.say(Live(stored.thread_id, stored.epoch, at))

    async def _threads(self, owner: str, patience: _Patience) -> list[StoredThread]:
        while True:
            try:
                await self._delivered.ready(owner)
                return await self._log.threads(owner, limit=self._most_threads)
            except DependencyUnavailable as away:
                await patience.wait(away)

    async def _replay(
        self, connection: Connection, thread_id: str, position: Position, id: str | None, patience: _Patience
    ) -> None:
        """Raises ``NotFound`` where the thread is deleted meanwhile, ``DependencyUnavailable`` where it cannot be read."""
        owner, at = connection.user_id, self._delivered.at
        after, epoch, judged = position.seq, position.epoch, False
        while True:
            try:
                await self._delivered.ready(owner)
                # The same object as before, unless it was let go and read again; of another history after a restored backup.
                head = await self._conversations.owned_thread(owner, thread_id)
                if not judged or head.epoch != epoch:
                    await self._delivered.reach(head, after)
                    other = after != 0 and head.epoch != epoch
                    if after < 0 or after > at(head) or other or after < head.oldest - 1:
                        connection.say(Reset(thread_id, head.epoch, head.oldest, at(head), id))
                        return
                    epoch, judged = head.epoch, True
                if after >= at(head):
                    connection.say(Live(thread_id, head.epoch, after, id))
                    return
                async for page in self._log.pages(head, after, at(head)):
                    await connection.drained()
                    if not connection.is_live:
                        return
                    connection.push(*page)
                    after += len(page)
            except DependencyUnavailable as away:
                await patience.wait(away)
