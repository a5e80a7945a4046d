"""The event log in memory: for servers that need to keep nothing, for tests of agents, and for the simulation.

It keeps every promise of ``ports.EventLog`` but one: what it stores dies with the Python process. A ``MemoryStore`` may be
handed from one log to the next, so that a restart can be played; opening a log over a store fences the one before off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from ..core import history
from ..core.errors import DependencyUnavailable
from ..core.history import Chunk, HeldElsewhere, Refused, RunRecord, ThreadHead
from ..ports import Clock, Moved, StoredRun, StoredThread
from .memory_store import Change, Deletion, MemoryStore, Rename

PAGE_EVENTS: Final = 300
PAGE_BYTES: Final = 1_048_576

Untaken = Mapping[Chunk | Change, Refused | HeldElsewhere]
"""What a commit did not take, and why: of a store that is one log's alone, nothing."""

Pace = Callable[[str], float]
"""How many seconds the next ``commit`` takes until it is stored, ``told`` from then until the loop hears of it, or ``read``
(asked before and after the look). It may raise ``OSError`` for a ``commit``: then that commit fails."""


def at_once(_: str) -> float:
    """The pace of memory."""
    return 0.0


class MemoryEventLog:
    """``ports.EventLog`` over a ``MemoryStore``; ``publish`` and ``on_failure`` as in ``SqliteEventLog``."""

    def __init__(
        self,
        store: MemoryStore,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        publish: Callable[[list[Chunk]], None],
        on_failure: Callable[[BaseException], None],
        *,
        pace: Pace = at_once,
        page_events: int = PAGE_EVENTS,
        page_bytes: int = PAGE_BYTES,
    ) -> None:
        self.failed = False
        self._store = store
        self._fence = self._open_store()
        self._clock = clock
        self._loop = loop
        self._publish = publish
        self._on_failure = on_failure
        self._pace = pace
        self._page_events = page_events
        self._page_bytes = page_bytes
        self._heads: dict[str, ThreadHead] = {}
        self._dirty: list[Chunk] = []
        self._queued: list[Chunk | Change] = []
        self._storing: list[Chunk | Change] = []
        self._stored: deque[tuple[list[Chunk | Change], Untaken]] = deque()
        self._timer: asyncio.Handle | None = None
        self._waiters: list[tuple[ThreadHead, int, asyncio.Future[None]]] = []
        self._changes: dict[Change, asyncio.Future[None]] = {}
        self._commits = self._rows = 0

    def _open_store(self) -> int:
        return self._store.take_fence()

    def counts(self) -> Mapping[str, int]:
        return {"commits": self._commits, "rows": self._rows}

    # --- heads ------------------------------------------------------------------------------------------------------

    def known(self, thread_id: str) -> ThreadHead | None:
        return self._heads.get(thread_id)

    async def find(self, thread_id: str) -> ThreadHead | None:
        known = self._heads.get(thread_id)
        if known is not None:
            return known
        await self._wait()
        found = self._store.head(thread_id)
        await self._wait()
        known = self._heads.get(thread_id)  # somebody may have found or made it while we looked
        if known is None and found is not None:
            known = self._heads[thread_id] = found
        return known

    def create(self, owner: str, thread_id: str, epoch: str, title: str, now_ms: int) -> ThreadHead:
        if thread_id in self._heads:
            raise ValueError("this thread is known")
        head = self._heads[thread_id] = ThreadHead(owner, thread_id, epoch, 0, title=title, fence=1)
        return head

    async def hold(self, head: ThreadHead) -> list[StoredRun]:
        return []  # the store is this log's alone, and every head is born held

    async def release(self, heads: Sequence[ThreadHead]) -> None:
        """There is nobody to let go to."""

    def forget(self, thread_id: str) -> None:
        """Nothing here is ever older than the store."""

    # --- appending --------------------------------------------------------------------------------------------------

    def append(self, run: RunRecord, frame: bytes, *, ends: bool = False) -> Chunk:
        if self.failed or not run.head.owner:
            raise _unavailable()
        begun = history.append(run, frame)
        if begun is not None:
            if not self._dirty:
                self._loop.call_soon(self._flush)
            self._dirty.append(begun)
        chunk = run.head.chunk
        assert chunk is not None
        if ends:
            chunk.ends = run.ended = True
        return chunk

    def _flush(self) -> None:
        for chunk in self._dirty:
            history.seal(chunk)
        self._queued += self._dirty
        self._dirty = []
        self._begin()

    def _begin(self) -> None:
        if self._queued and not self._storing:
            self._storing, self._queued = self._queued, []
            try:
                delay = self._pace("commit")
            except OSError as fault:
                self._fail(fault)
            else:
                self._timer = self._later(delay, self._commit)

    def _commit(self) -> None:
        self._timer = None
        try:
            untaken = self._store_all(self._storing)
        except Exception as fault:
            self._fail(fault)
            return
        self._commits += 1
        self._rows += sum(isinstance(item, Chunk) and item not in untaken for item in self._storing)
        self._stored.append((self._storing, untaken))
        self._storing = []
        self._later(self._pace("told"), self._committed)
        self._begin()

    def _store_all(self, work: list[Chunk | Change]) -> Untaken:
        self._store.commit(self._fence, work, self._clock.now_ms())
        return {}

    def _later(self, delay: float, call: Callable[[], None]) -> asyncio.Handle:
        return self._loop.call_later(delay, call) if delay else self._loop.call_soon(call)

    def _committed(self) -> None:
        if not self._stored:
            return
        work, untaken = self._stored.popleft()
        chunks = [item for item in work if isinstance(item, Chunk) and item not in untaken]
        for chunk in chunks:
            chunk.head.durable = chunk.last
        waiting, self._waiters = self._waiters, []
        for head, target, waiter in waiting:
            if target > head.durable:
                self._waiters.append((head, target, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        for item in work:
            if not isinstance(item, Chunk):
                self._tell(self._changes.pop(item), untaken.get(item))
        if chunks:
            self._publish(chunks)
        if untaken:
            self._refuse(untaken)

    def _tell(self, done: asyncio.Future[None], fault: Refused | HeldElsewhere | None) -> None:
        if not done.done():
            done.set_exception(fault) if isinstance(fault, HeldElsewhere) else done.set_result(None)

    def _refuse(self, untaken: Untaken) -> None:
        """Of a store that is this log's alone nothing is refused."""

    def _fail(self, error: BaseException) -> None:
        self.failed = True
        for waiter in (*(waiter for _, _, waiter in self._waiters), *self._changes.values()):
            if not waiter.done():
                waiter.set_exception(_unavailable())
        self.abandon()
        self._on_failure(error)

    async def durable(self, run: RunRecord) -> None:
        if self.failed:
            raise _unavailable()
        head = run.head
        if head.durable < head.top:
            waiter = self._loop.create_future()
            self._waiters.append((head, head.top, waiter))
            await waiter

    # --- reading ----------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        await asyncio.sleep(self._pace("read"))

    async def pages(self, head: ThreadHead, after: int, upto: int) -> AsyncIterator[list[bytes]]:
        await self._wait()
        thread = self._store.threads.get(head.thread_id)
        frames = list(thread.frames(after, upto)) if thread is not None else []
        page: list[bytes] = []
        size = 0
        for frame in frames:
            if page and (len(page) >= self._page_events or size + len(frame) > self._page_bytes):
                await self._wait()
                yield page
                page, size = [], 0
            page.append(frame)
            size += len(frame)
        if page:
            await self._wait()
            yield page

    async def run(self, run_id: str) -> StoredRun | None:
        await self._wait()
        found = self._store.runs.get(run_id)
        await self._wait()
        return found

    async def run_frames(self, run: StoredRun) -> list[bytes]:
        await self._wait()
        thread = self._store.threads.get(run.thread_id)
        found = [] if thread is None else [frame for run_id, frame in thread.rows if run_id == run.run_id]
        await self._wait()
        return found

    async def request(self, owner: str, key: str, since_ms: int) -> StoredRun | None:
        await self._wait()
        run_id, created_ms = self._store.requests.get((owner, key), ("", 0))
        found = self._store.runs.get(run_id) if created_ms >= since_ms else None
        await self._wait()
        return found

    async def holders(self, owner: str) -> dict[str, str]:
        return {}

    async def moved(self, owners: Sequence[str], since_ms: int) -> list[Moved]:
        return []

    async def take_over(self, limit: int) -> list[StoredRun]:
        await self._wait()
        return self._store.unfinished()

    async def threads(
        self, owner: str, *, limit: int, search: str = "", before_ms: int | None = None, before_id: str = ""
    ) -> list[StoredThread]:
        await self._wait()
        found = self._store.listed(owner, search, None if before_ms is None else (before_ms, before_id))[:limit]
        await self._wait()
        return found

    # --- changing ---------------------------------------------------------------------------------------------------

    async def _change(self, change: Change) -> None:
        if self.failed:
            raise _unavailable()
        self._flush()
        done = self._changes[change] = self._loop.create_future()
        self._queued.append(change)
        self._begin()
        await done

    async def rename(self, head: ThreadHead, title: str) -> None:
        head.title = title
        await self._change(Rename(head.thread_id, title))

    async def delete_thread(self, head: ThreadHead) -> None:
        await self._delete([head.thread_id])

    async def delete_owner(self, owner: str) -> list[str]:
        await self._wait()
        mine = {thread.thread_id: None for thread in self._store.threads.values() if thread.owner == owner}
        await self._wait()
        mine |= {head.thread_id: None for head in self._heads.values() if head.owner == owner}
        await self._delete(list(mine))
        return list(mine)

    async def trim(self, before_ms: int) -> int:
        await self._wait()
        old = [
            (thread.thread_id, thread.top)
            for thread in self._store.threads.values()
            if thread.owner and thread.updated_ms < before_ms
        ]
        await self._wait()
        untouched = [thread_id for thread_id, top in old if not self._is_in_use(thread_id, top)]
        await self._delete(untouched)
        return len(untouched)

    def _is_in_use(self, thread_id: str, top: int) -> bool:
        head = self._heads.get(thread_id)
        return head is not None and (bool(head.lines) or head.top != top)

    async def _delete(self, thread_ids: Sequence[str]) -> None:
        for thread_id in thread_ids:  # nobody's from this step on, so that nothing is appended any more
            head = self._heads.setdefault(thread_id, ThreadHead("", thread_id, "", 0, fence=1))
            head.owner = head.title = head.epoch = ""
        await self._change(Deletion(thread_ids))

    # --- the end ----------------------------------------------------------------------------------------------------

    def abandon(self) -> None:
        """Stop as a killed process does: what waits is not stored, and nobody is told anything more."""
        self.failed = True
        if self._timer is not None:
            self._timer.cancel()
        for waiting in (self._dirty, self._queued, self._storing, self._stored, self._waiters, self._changes):
            waiting.clear()

    async def close(self) -> None:
        with suppress(DependencyUnavailable):  # a failure is told by on_failure
            await self._change(Deletion(()))
        self.failed = True


def _unavailable() -> DependencyUnavailable:
    return DependencyUnavailable("The event log is not writable.", retry_after_ms=5000)
