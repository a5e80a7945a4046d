"""The event log in memory: for servers that need to keep nothing, for tests of agents, and for the simulation.

It keeps every promise of ``ports.EventLog`` but one: what it stores dies with the Python process. A ``MemoryStore`` may be
handed from one log to the next, so that a restart can be played; opening a log over a store fences the one before off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from heapq import nsmallest
from typing import Final

from netra_backend.app.adapters.event_log.appending import REQUESTS_AT_ONCE, AppendingLog, OnFailure, Publish, expired
from netra_backend.app.core.blobs import BLOBS_A_PAGE, BlobRef
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.history import (
    AppendRejection,
    Chunk,
    HeldElsewhere,
    ListedRun,
    Moved,
    RunPlace,
    StoredRun,
    StoredThread,
    ThreadHead,
)
from netra_backend.app.ports import Clock

from .api_keys import MemoryApiKeys
from .files import MemoryFiles
from .secrets import MemorySecrets
from .spending import MemorySpending
from .state import MemoryState
from .store import Change, Deletion, Expiry, MemoryStore, Rename

PAGE_EVENTS: Final = 300
PAGE_BYTES: Final = 1_048_576

Untaken = Mapping[Chunk | Change, AppendRejection | HeldElsewhere]
"""What a commit did not take, and why: of a store that is one log's alone, nothing."""

Pace = Callable[[str], float]
"""How many seconds the next ``commit`` takes until it is stored, ``told`` from then until the loop hears of it, or ``read``
(asked before and after the look). It may raise ``OSError`` for a ``commit``: then that commit fails."""


def at_once(_: str) -> float:
    """The pace of memory."""
    return 0.0


class MemoryEventLog(AppendingLog[Change]):
    """``ports.EventLog`` over a ``MemoryStore``; ``publish`` and ``on_failure`` as in ``SqliteEventLog``."""

    def __init__(
        self,
        store: MemoryStore,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        publish: Publish,
        on_failure: OnFailure,
        *,
        pace: Pace = at_once,
        page_events: int = PAGE_EVENTS,
        page_bytes: int = PAGE_BYTES,
    ) -> None:
        super().__init__(loop, publish, on_failure)
        self._put = self._take
        self._store = store
        self._fence = self._open_store()
        self._clock = clock
        self.files = MemoryFiles(store, clock, self._wait)
        self.state = MemoryState(store, self._wait)
        self.secrets = MemorySecrets(store, self._wait, clock.now_ms)
        self.mcp_servers = MemorySecrets(store, self._wait, clock.now_ms, "mcp_server")
        self.api_keys = MemoryApiKeys(store, self._wait)
        self.spending = MemorySpending(store, self._wait)
        self._pace = pace
        self._page_events = page_events
        self._page_bytes = page_bytes
        self._queued: list[Chunk | Change] = []
        self._storing: list[Chunk | Change] = []
        self._stored: deque[tuple[list[Chunk | Change], Untaken]] = deque()
        self._timer: asyncio.Handle | None = None
        self._commits = self._rows = 0

    def _open_store(self) -> int:
        return self._store.take_fence()

    def counts(self) -> Mapping[str, int]:
        return {"commits": self._commits, "rows": self._rows}

    # --- heads ------------------------------------------------------------------------------------------------------

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

    async def acquire(self, head: ThreadHead) -> list[StoredRun]:
        return []  # the store is this log's alone, and every head is born held

    async def release(self, heads: Sequence[ThreadHead]) -> None:
        """There is nobody to let go to."""

    def forget(self, thread_id: str) -> None:
        """Nothing here is ever older than the store."""

    # --- appending --------------------------------------------------------------------------------------------------

    def _take(self, work: list[Chunk] | Change) -> None:
        self._queued.extend(work) if isinstance(work, list) else self._queued.append(work)
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
        self._later(self._pace("told"), self._tell)
        self._begin()

    def _store_all(self, work: list[Chunk | Change]) -> Untaken:
        self._store.commit(self._fence, work, self._clock.now_ms())
        return {}

    def _later(self, delay: float, call: Callable[[], None]) -> asyncio.Handle:
        return self._loop.call_later(delay, call) if delay else self._loop.call_soon(call)

    def _tell(self) -> None:
        if not self._stored:
            return
        work, untaken = self._stored.popleft()
        chunks = [item for item in work if isinstance(item, Chunk) and item not in untaken]
        changes = [item for item in work if not isinstance(item, Chunk)]
        for item, why in untaken.items():
            if not isinstance(item, Chunk) and isinstance(why, HeldElsewhere):
                self._change_failed(item, why)
        self._committed(chunks, [change for change in changes if change not in untaken])
        if untaken:
            self._reject(untaken)

    def _reject(self, untaken: Untaken) -> None:
        """A store that is this log's alone rejects nothing."""

    def _fail(self, error: BaseException) -> None:
        self._drop_work()
        super()._fail(error)

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

    async def run_pages(self, run: StoredRun, holding: bytes = b"") -> AsyncIterator[list[bytes]]:
        await self._wait()
        thread = self._store.threads.get(run.thread_id)
        rows = [] if thread is None else thread.rows
        found = [frame for run_id, frame in rows if run_id == run.run_id and holding in frame]
        await self._wait()
        for start in range(0, len(found), self._page_events):
            yield found[start : start + self._page_events]

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

    async def newest_ms(self) -> int:
        return 0

    async def take_over(self, limit: int) -> list[StoredRun]:
        await self._wait()
        return await self._left(self._store.unfinished(), self.run)

    async def threads(
        self, owner: str, *, limit: int, search: str = "", before_ms: int | None = None, before_id: str = ""
    ) -> list[StoredThread]:
        await self._wait()
        found = self._store.listed(owner, search, None if before_ms is None else (before_ms, before_id))[:limit]
        await self._wait()
        return found

    async def runs(
        self, owner: str, *, limit: int, thread_id: str = "", after: RunPlace | None = None
    ) -> list[ListedRun]:
        await self._wait()
        found = self._store.listed_runs(owner, thread_id, after)[:limit]
        await self._wait()
        return found

    async def blob(self, owner: str, thread_id: str, ref: str) -> tuple[bytes, str] | None:
        await self._wait()
        found = self._store.blobs(owner, thread_id).get(ref)
        await self._wait()
        return None if found is None else (found.body, found.media)

    async def blob_refs(self, owner: str, thread_id: str, after: str = "") -> list[BlobRef]:
        await self._wait()
        blobs = self._store.blobs(owner, thread_id)
        found = [blobs[ref].named for ref in nsmallest(BLOBS_A_PAGE, (ref for ref in blobs if ref > after))]
        await self._wait()
        return found

    # --- changing ---------------------------------------------------------------------------------------------------

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
        await self._delete(list(mine), owner)
        return list(mine)

    async def expire_requests(
        self, before_ms: int, after: tuple[str, str] = ("", "")
    ) -> tuple[int, tuple[str, str] | None]:
        await self._wait()
        old, then = expired(self._store.requests_after(after, REQUESTS_AT_ONCE), before_ms)
        if old:
            await self._change(Expiry(old, before_ms))
        return len(old), then

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

    async def _delete(self, thread_ids: Sequence[str], owner: str = "") -> None:
        for thread_id in thread_ids:
            self._disown(thread_id)
        await self._change(Deletion(thread_ids, owner))

    # --- the end ----------------------------------------------------------------------------------------------------

    def abandon(self) -> None:
        """Stop as a killed process does: what waits is not stored, and nobody is told anything more."""
        self.failed = True
        self._drop_work()
        self._waiters.clear()
        self._changes.clear()

    def _drop_work(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._drop_waiting()
        for waiting in (self._queued, self._storing, self._stored):
            waiting.clear()

    async def close(self) -> None:
        with suppress(DependencyUnavailable):  # a failure is told by on_failure
            await self._change(Deletion(()))
        self.failed = True
