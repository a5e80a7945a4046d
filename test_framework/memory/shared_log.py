"""The in-memory event log of one of several processes that share a store, as the processes of a server share a database.

It holds threads by leases and fences, which are the store's: what a process that was taken for dead appends is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from netra_backend.app.adapters.event_log.key_filter import DAY_MS
from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.history import (
    NO_BLOBS,
    AppendRejection,
    Chunk,
    HeldElsewhere,
    Moved,
    OnCommit,
    RunRecord,
    StoredRun,
    ThreadHead,
    reject,
)
from netra_backend.app.ports import Clock

from .event_log import PAGE_BYTES, PAGE_EVENTS, MemoryEventLog, Pace, Untaken, at_once
from .store import Change, Deletion, MemoryStore, Release

MAX_MOVED: Final = 1000


class SharedMemoryLog(MemoryEventLog):
    """``ports.EventLog`` over a ``MemoryStore`` that others write to as well. Whoever runs it calls ``renew`` well within
    every ``ownership.LEASE_MS``."""

    def __init__(
        self,
        store: MemoryStore,
        process_id: str,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        publish: Callable[[list[Chunk]], None],
        on_failure: Callable[[BaseException], None],
        *,
        pace: Pace = at_once,
        page_events: int = PAGE_EVENTS,
        page_bytes: int = PAGE_BYTES,
    ) -> None:
        self.process_id = process_id
        self._untaken: set[ThreadHead] = set()
        self._let_go: set[Chunk] = set()
        super().__init__(
            store, clock, loop, publish, on_failure, pace=pace, page_events=page_events, page_bytes=page_bytes
        )
        self.renew()

    def _open_store(self) -> int:
        return 0  # nobody is fenced off as a whole: each thread has its fence

    def renew(self) -> bool:
        """Say that this process lives. Where its lease had run out, what others took meanwhile is let go of. Returns whether it
        had."""
        if self.failed:
            return False
        now_ms, ownership = self._clock.now_ms(), self._store.ownership
        had_lapsed = self.process_id not in ownership.living(now_ms)
        ownership.renew(self.process_id, now_ms)
        if had_lapsed:
            held = [head for head in self._heads.values() if head.fence and head.owner]
            for head in held:
                if head.thread_id in self._store.threads and not self._store.is_current(head.thread_id, head.fence):
                    self._drop(head)
                    head.reject_runs("fenced")
        return had_lapsed

    # --- heads ------------------------------------------------------------------------------------------------------

    async def find(self, thread_id: str) -> ThreadHead | None:
        known = self._heads.get(thread_id)
        if known is not None and known.fence and known.durable:
            return known
        await self._wait()
        found = self._store.head(thread_id, fence=0)
        await self._wait()
        known = self._heads.get(thread_id)
        if known is None and found is not None:
            known = self._heads[thread_id] = found
        elif known is not None and found is not None and not known.fence:
            _bring_up(known, found)
        elif known is not None and found is not None and known.epoch != found.epoch and not known.durable:
            return found  # another process was first; what is begun here is refused soon
        elif known is not None and found is not None and known.owner and not known.durable:
            await self._settled(known)  # it is stored, and others may have told of it: the answer is on its way
        return known

    async def acquire(self, head: ThreadHead) -> list[StoredRun]:
        if head.fence:
            return []
        await self._change(Deletion(()))  # what is being let go is let go then
        if self._heads.setdefault(head.thread_id, head) is not head:
            raise DependencyUnavailable("The thread is being handed over to another process.", retry_after_ms=100)
        stored = self._store.head(head.thread_id, fence=0)
        if head.fence or stored is None:  # another request has taken hold in the meantime
            return []
        _bring_up(head, stored)
        if not head.owner:
            return []
        head.fence = self._store.ownership.take(head.thread_id, self.process_id, self._clock.now_ms())
        return self._store.unfinished(head.thread_id)

    async def release(self, heads: Sequence[ThreadHead]) -> None:
        held = [(head.thread_id, head.fence) for head in heads if head.fence]
        for head in heads:
            head.fence = 0
        await self._change(Release(held))

    def forget(self, thread_id: str) -> None:
        known = self._heads.get(thread_id)
        if known is not None and not known.pins and known.durable == known.top and not (known.fence and known.top):
            del self._heads[thread_id]

    async def take_over(self, limit: int) -> list[StoredRun]:
        await self._wait()
        now_ms, ownership = self._clock.now_ms(), self._store.ownership
        runs: dict[str, list[StoredRun]] = {}
        for run in self._store.unfinished():
            free = run.thread_id in runs or (len(runs) < limit and self._is_free(run.thread_id, now_ms))
            if free:
                runs.setdefault(run.thread_id, []).append(run)
        for thread_id in runs:
            stored = self._store.head(thread_id, fence=0)
            assert stored is not None
            self._heads[thread_id] = stored
            stored.fence = ownership.take(thread_id, self.process_id, now_ms)
        return [run for of_thread in runs.values() for run in of_thread]

    def _is_free(self, thread_id: str, now_ms: int) -> bool:
        """Whether nobody holds it, or this process without knowing it, and it is not being deleted here."""
        holder = self._store.ownership.holder(thread_id, now_ms)
        known = self._heads.get(thread_id)
        if known is not None and not known.owner:
            return False  # it is being deleted
        return not holder or (holder == self.process_id and (known is None or not known.fence))

    async def holders(self, owner: str) -> dict[str, str]:
        await self._wait()
        now_ms, ownership = self._clock.now_ms(), self._store.ownership
        found = {run.run_id: ownership.holder(run.thread_id, now_ms) for run in self._store.unfinished()}
        mine = {run_id for run_id in found if self._store.runs[run_id].owner == owner}
        return {run_id: found[run_id] for run_id in mine if found[run_id] not in ("", self.process_id)}

    async def moved(self, owners: Sequence[str], since_ms: int) -> list[Moved]:
        await self._wait()
        found = [
            Moved(thread.owner, thread.thread_id, thread.epoch, thread.top, thread.updated_ms)
            for thread in self._store.threads.values()
            if thread.owner in owners and thread.updated_ms >= since_ms
        ]
        return sorted(found, key=lambda moved: moved.updated_ms)[:MAX_MOVED]

    async def newest_ms(self) -> int:
        await self._wait()
        return max((thread.updated_ms for thread in self._store.threads.values()), default=0)

    # --- appending --------------------------------------------------------------------------------------------------

    def append(
        self,
        run: RunRecord,
        frame: bytes,
        *,
        ends: bool = False,
        on_commit: OnCommit | None = None,
        blobs: Sequence[Blob] = NO_BLOBS,
        may_wait: bool = False,
    ) -> None:
        if not self._holds(run.head):
            raise DependencyUnavailable("This thread cannot be written at the moment.", retry_after_ms=100)
        super().append(run, frame, ends=ends, on_commit=on_commit, blobs=blobs, may_wait=may_wait)

    async def durable(self, run: RunRecord) -> None:
        if run.head.durable < run.head.top and self._heads.get(run.head.thread_id) is not run.head:
            raise DependencyUnavailable("This thread cannot be written at the moment.", retry_after_ms=100)
        await super().durable(run)

    def _holds(self, head: ThreadHead) -> bool:
        return bool(head.fence) and self._heads.get(head.thread_id) is head

    def _store_all(self, work: list[Chunk | Change]) -> Untaken:
        untaken: dict[Chunk | Change, AppendRejection | HeldElsewhere] = {}
        now_ms, ownership = self._clock.now_ms(), self._store.ownership
        for item in work:
            if isinstance(item, Chunk):
                why = self._verdict(item)
                if why is not None:
                    self._untaken.add(item.head)
                    untaken[item] = why
                    continue
                self._store.put(item, now_ms)
                ownership.keep(item.head.thread_id, self.process_id, item.fence)
                if item.ends and not self._store.unfinished(item.head.thread_id):
                    ownership.let_go(item.head.thread_id)
                    self._let_go.add(item)
            elif isinstance(item, Deletion):
                elsewhere = {each: ownership.holder(each, now_ms) for each in item.thread_ids}
                mine = [each for each, holder in elsewhere.items() if holder in ("", self.process_id)]
                self._store.put(Deletion(mine, item.owner if len(mine) == len(elsewhere) else ""), now_ms)
                for each in mine:
                    ownership.bar(each)
                    del elsewhere[each]
                if elsewhere:
                    untaken[item] = HeldElsewhere(next(iter(elsewhere.values())))
            else:
                self._store.put(item, now_ms)
        return untaken

    def _verdict(self, chunk: Chunk) -> AppendRejection | None:
        """Why the store does not take this chunk."""
        store, head, run = self._store, chunk.head, chunk.run
        if head in self._untaken or self._heads.get(head.thread_id) is not head:
            return "fenced"  # what came before it was refused
        thread = store.threads.get(head.thread_id)
        if thread is not None and chunk.first == 1:
            return "thread_taken"
        top = 0 if thread is None else thread.top
        if chunk.first != top + 1 or not store.is_current(head.thread_id, chunk.fence):
            return "fenced"
        if run.key is not None and run.run_id not in store.runs:
            other, created_ms = store.requests.get((head.owner, run.key), (run.run_id, 0))
            if other != run.run_id and created_ms >= run.created_ms - DAY_MS:
                return "key_taken"
        return None

    def _tell(self) -> None:
        work = self._stored[0][0] if self._stored else []
        super()._tell()
        for item in self._let_go.intersection(work):
            self._let_go.discard(item)
            if item.head.top == item.last:  # else it is held again, under the same fence, or it will be refused
                item.head.fence = 0

    def _reject(self, untaken: Untaken) -> None:
        for item, why in untaken.items():
            if not isinstance(item, Chunk) or isinstance(why, HeldElsewhere):
                continue
            self._drop(item.head)
            reject(item.run, why)

    def _drop(self, head: ThreadHead) -> None:
        """The thread is not held under this head any more."""
        if self._heads.get(head.thread_id) is head:
            del self._heads[head.thread_id]
        self._untaken.discard(head)
        head.fence = 0
        self._turn_away(head)

    # --- changing ---------------------------------------------------------------------------------------------------

    async def _delete(self, thread_ids: Sequence[str], owner: str = "") -> None:
        try:
            await super()._delete(thread_ids, owner)
        finally:
            for thread_id in thread_ids:
                stored = self._store.threads.get(thread_id)
                if stored is not None and stored.owner:  # another process holds it: it is as it was
                    self._heads.pop(thread_id, None)

    async def trim(self, before_ms: int) -> int:
        try:
            return await super().trim(before_ms)
        except HeldElsewhere:
            return 0  # what is held now has an event soon; the others are deleted, and the next look counts the rest

    async def close(self) -> None:
        await super().close()
        self._store.ownership.leave(self.process_id)


def _bring_up(head: ThreadHead, stored: ThreadHead) -> None:
    """Make the head what the store knows of it. A head that is ahead of the store stays as it is."""
    if stored.top >= head.top or not stored.owner:
        head.owner, head.epoch, head.title = stored.owner, stored.epoch, stored.title
        head.top = head.durable = stored.top
        head.oldest, head.stored = stored.oldest, True
