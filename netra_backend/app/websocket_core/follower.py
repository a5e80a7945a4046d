"""Delivers committed events, from this process or another, to this process's connections: each thread contiguous, once.

Used only if several processes serve one store. An incoming event is delivered if it is the next one, in the same step of the
loop; dropped if it was delivered already; and otherwise read from the log. A regular poll of the log finds what no message
announced. ``core.delivery_tracker`` decides, this module does it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from ..core.delivery_tracker import Cursor, DeliveryTracker, Verdict
from ..core.errors import DependencyUnavailable
from ..core.history import Chunk, StoredThread, ThreadHead
from ..ports import Bus, EventLog
from .websocket_connection_pool import WebSocketConnectionPool

_LOG: Final = logging.getLogger("netra.follower")
LOOK_THREADS: Final = 64
"""An owner's newest threads, whose places are known from the first connection on."""
POLL_S: Final = 0.25
"""How often the log is looked at while nothing comes over a bus."""
POLL_ROUNDS: Final = 8
"""Every so many rounds it is looked at anyway: that the last message of a thread was lost shows no hole."""
OVERLAP_MS: Final = 3000
"""So long after its moment by the store's clock may an event be seen for the first time."""
MAX_MOVED: Final = 1000
"""As many threads does the log show at once; where it shows so many, there may be more."""
_READS: Final = 8  # of the log, at the same time: a bus that is lost makes every busy thread ask for one


class Follower:
    """The log's ``publish``, the bus's ``heard``, and ``catch_up.Delivered``. ``configure`` comes before anything else."""

    _log: EventLog

    def __init__(
        self,
        pool: WebSocketConnectionPool,
        loop: asyncio.AbstractEventLoop,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pool = pool
        self._loop = loop
        self._sleep = sleep
        self._bus: Bus | None = None
        self._following = DeliveryTracker()
        self._reads: dict[Cursor, asyncio.Task[None]] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._again: dict[Cursor, None] = {}
        self._doubts: dict[str, tuple[str, str, int]] = {}
        self._answers: dict[tuple[str, str], set[asyncio.Future[None]]] = {}
        self._room = asyncio.Semaphore(_READS)
        self._since_ms: int | None = None  # until the first look
        self._shown_ms = 0
        self._timer: asyncio.Task[None] | None = None
        self._reported = False
        self.gaps_read = 0
        pool.watch(self._came, self._left)

    def configure(self, log: EventLog, bus: Bus | None) -> None:
        """The log that everything is committed to, and what carries news of it; without a bus the log alone is looked at."""
        self._log = log
        self._bus = bus

    # --- news -------------------------------------------------------------------------------------------------------

    def publish(self, chunks: Sequence[Chunk]) -> None:
        """This process committed chunks: tell the other processes, and the connections here."""
        if self._bus is not None:
            self._bus.publish(chunks)
        ready, told = [], self._following.told
        for chunk in chunks:
            head, first = chunk.head, chunk.first
            verdict = told(head.owner, head.thread_id, head.epoch, first, first + len(chunk.frames) - 1)
            if verdict is Verdict.DELIVER:
                ready.append(chunk)
                continue
            if verdict is Verdict.READ:
                self._read(head.owner, head.thread_id)
        self._pool.publish(ready)

    def on_message(self, owner: str, thread_id: str, epoch: str, first: int, frames: Sequence[bytes]) -> None:
        """Another process says that it committed these frames, the first of them at this position."""
        verdict = self._following.told(owner, thread_id, epoch, first, first + len(frames) - 1)
        if verdict is Verdict.DELIVER:
            self._pool.deliver(owner, thread_id, first, frames)
        elif verdict is Verdict.READ:
            self._read(owner, thread_id)

    # --- gaps -------------------------------------------------------------------------------------------------------

    def _read(self, owner: str, thread_id: str) -> None:
        cursor = self._following.cursor(owner, thread_id)
        if cursor is not None:
            self._begin(cursor)

    def _begin(self, cursor: Cursor) -> None:
        task = self._reads[cursor] = self._loop.create_task(self._fill(cursor))
        task.add_done_callback(lambda _: self._reads.pop(cursor, None))

    async def _fill(self, cursor: Cursor) -> None:
        """Tell what the log has between what was told and what was heard of, until that is the same."""
        following = self._following
        try:
            async with self._room:
                head = await self._log.find(cursor.thread_id)
                while (gap := following.gap(cursor)) is not None:
                    self.gaps_read += 1
                    if head is None or head.owner != cursor.owner:
                        following.absent(cursor)
                        continue
                    async for page in self._log.pages(head, *gap):
                        first = cursor.at + 1
                        if not following.page(cursor, len(page)):
                            break
                        self._pool.deliver(cursor.owner, cursor.thread_id, first, page)
                    if cursor.at == gap[0]:
                        following.absent(cursor)
        except Exception:
            following.failed(cursor)
            self._again[cursor] = None
            self._report()

    # --- looks ------------------------------------------------------------------------------------------------------

    def _came(self, owner: str) -> None:
        self._following.follow(owner)
        if self._bus is not None:
            self._bus.follow(owner)
        self._look(owner)

    def _left(self, owner: str) -> None:
        if self._bus is not None:
            self._bus.unfollow(owner)
        self._following.unfollow(owner)

    def _look(self, owner: str) -> asyncio.Task[None]:
        task = self._looks.get(owner)
        if task is None:
            task = self._looks[owner] = self._loop.create_task(self._look_at(owner))
            task.add_done_callback(lambda _: self._looks.pop(owner, None))
        return task

    async def _look_at(self, owner: str) -> None:
        try:
            async with self._room:
                if self._since_ms is None:
                    newest_ms = await self._log.newest_ms()
                    if self._since_ms is None:
                        self._since_ms = max(0, newest_ms - OVERLAP_MS)
                found = await self._log.threads(owner, limit=LOOK_THREADS)
        except Exception:
            self._report()  # ``poll`` looks again
            return
        shown = [
            (each.thread_id, each.epoch, self._told_of(owner, each.thread_id, each.epoch, each.top)) for each in found
        ]
        for cursor in self._following.look(owner, shown, len(found) < LOOK_THREADS):
            self._begin(cursor)

    def _told_of(self, owner: str, thread_id: str, epoch: str, top: int) -> int:
        """The newest position that needs no telling any more, of a thread that the store shows with this top: what this process
        itself has committed is stored a moment before it is published.

        What it believes to hold another process may have taken over: there are events then that are not its own. Where they
        could be, that is looked at again.
        """
        head = self._log.known(thread_id)
        if head is None or not head.fence or head.top < top:
            return top
        if head.durable < top:
            self._doubts[thread_id] = owner, epoch, top
        return head.durable

    def _moved(self, owner: str, thread_id: str, epoch: str, top: int, *, again: bool) -> None:
        told = self._told_of(owner, thread_id, epoch, top)
        verdict = self._following.moved(owner, thread_id, epoch, told, again=again)
        if verdict is Verdict.READ:
            self._read(owner, thread_id)
        elif verdict is Verdict.NOTE:
            self._pool.note(owner, thread_id, told)

    async def poll(self) -> None:
        """Look for events that nothing was heard of, and try again what could not be read."""
        for cursor in list(self._again):
            del self._again[cursor]
            if self._following.again(cursor):
                self._begin(cursor)
        for owner in self._following.unseen():
            self._look(owner)
        doubts, self._doubts = self._doubts, {}
        for thread_id, (owner, epoch, top) in doubts.items():
            self._moved(owner, thread_id, epoch, top, again=True)
        await self._look_for_more()
        self._reported = False

    async def _look_for_more(self) -> None:
        owners, since_ms = self._following.owners(), self._since_ms
        if since_ms is None:  # nobody's threads were looked at yet
            return
        shown_ms, full = self._shown_ms, bool(owners)
        while full:
            found = await self._log.moved(owners, since_ms)
            for each in found:
                again = each.updated_ms <= shown_ms
                self._moved(each.owner, each.thread_id, each.epoch, each.top, again=again)
            full = len(found) >= MAX_MOVED
            if found:
                since_ms = max(since_ms + 1, found[-1].updated_ms)
                self._shown_ms = max(self._shown_ms, since_ms)
        self._since_ms = max(self._since_ms or 0, since_ms - OVERLAP_MS)

    async def _run(self) -> None:
        rounds, lost = 0, True
        while True:
            await self._sleep(POLL_S)
            rounds += 1
            was_lost, lost = lost, self._bus is None or not self._bus.connected
            if lost or was_lost or rounds >= POLL_ROUNDS:
                rounds = 0
                try:
                    await self.poll()
                except Exception:
                    self._report()

    def _report(self) -> None:
        if not self._reported:  # once for each time that the log is lost, not for each reader of it
            self._reported = True
            _LOG.warning("the log could not be read; trying again", exc_info=True)

    # --- catching up ------------------------------------------------------------------------------------------------

    def holds(self, thread_id: str) -> bool:
        """Whether this process may append to the thread, so that it is nobody else who answers requests for it."""
        head = self._log.known(thread_id)
        return head is not None and head.fence > 0

    async def ready(self, owner: str) -> None:
        """Wait until the owner is followed: what is committed from then on is told here. Raises ``DependencyUnavailable``."""
        while not self._following.is_seen(owner):
            await asyncio.wait([self._look(owner)])
            if not self._following.is_seen(owner):
                await self._log.threads(owner, limit=1)  # says what keeps us from looking

    async def reach(self, head: ThreadHead, seq: int) -> None:
        """Have told here what the store has, where that may be needed to know this position."""
        owner, thread_id = head.owner, head.thread_id
        at = self._following.at(owner, thread_id)
        if at is not None and at >= seq:
            return
        stored = await self._log.find(thread_id)
        if stored is None or stored.owner != owner:
            return
        _, verdict = self._following.live(owner, thread_id, stored.epoch, stored.durable)
        if verdict is Verdict.READ:
            self._read(owner, thread_id)
        target = min(seq, stored.durable)
        while (cursor := self._following.cursor(owner, thread_id)) is not None and cursor.at < target:
            waiting: set[asyncio.Future[None]] = set(self._answers.get((owner, thread_id), ()))
            if cursor in self._reads:
                waiting.add(self._reads[cursor])
            if not waiting:
                raise DependencyUnavailable("This thread cannot be read at the moment.", retry_after_ms=1000)
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    def at(self, head: ThreadHead) -> int:
        """Up to where the thread was told here."""
        at = self._following.at(head.owner, head.thread_id)
        return head.durable if at is None else at

    def live(self, owner: str, stored: StoredThread) -> int | None:
        """From where on a thread that was found in the store is live; ``None`` where it is deleted by now."""
        head = self._log.known(stored.thread_id)
        if head is not None and not head.owner:
            return None
        top = self._told_of(owner, stored.thread_id, stored.epoch, stored.top)
        at, verdict = self._following.live(owner, stored.thread_id, stored.epoch, top)
        if verdict is Verdict.READ:
            self._read(owner, stored.thread_id)
        return at

    @asynccontextmanager
    async def hold_delivery(self, owner: str, thread_id: str) -> AsyncIterator[None]:
        """Tell nothing of this thread meanwhile: a request to its holder is answered before its events are told."""
        await self.ready(owner)
        self._following.hold(owner, thread_id)
        answered = self._loop.create_future()
        waiting = self._answers.setdefault((owner, thread_id), set())
        waiting.add(answered)
        try:
            yield
        finally:
            answered.set_result(None)
            waiting.discard(answered)
            if not waiting:
                del self._answers[owner, thread_id]
            cursor = self._following.release(owner, thread_id)
            if cursor is not None:
                self._begin(cursor)

    # --- the end ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look at the log from time to time."""
        self._timer = self._loop.create_task(self._run())

    async def close(self) -> None:
        """Tell nothing more."""
        tasks = [*self._reads.values(), *self._looks.values(), *([self._timer] if self._timer else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
