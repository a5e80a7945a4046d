"""The event log that several processes share: PostgreSQL, one appending connection a process, group commit.

Each thread is held by one process at a time, under a fence that every append carries. Where the database is lost nothing is
published and new requests are refused; what runs goes on, within a bound, and is stored when the database is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from ...core.blobs import BLOBS_A_PAGE, Blob, BlobRef, is_ref
from ...core.errors import DependencyUnavailable
from ...core.history import (
    AppendRejection,
    Chunk,
    HeldElsewhere,
    ListedRun,
    Moved,
    OnCommit,
    RunPlace,
    RunRecord,
    StoredRun,
    StoredThread,
    ThreadHead,
    reject,
)
from ...core.limits import USUAL, Limits
from ...ports import Clock
from ..event_log.appending import REQUESTS_AT_ONCE, AppendingLog, OnFailure, Publish, expired, unavailable
from ..event_log.batch_loader import BatchLoader
from .batch import may_be_an_id, storable
from .changes import Change, Deletion, Rename, expire
from .connection import READER, WRITER
from .files import PostgresFiles
from .heads import bring_up, is_certain
from .lease import LEASE_MS, PostgresLease
from .ownership import AcquiredThread, NotAcquired, PostgresThreadOwnership
from .pool import PostgresConnectionPool, connected
from .reader import Key, PostgresReader
from .secrets import credential_stores
from .spending import PostgresSpending
from .state import PostgresState
from .writer import PostgresWriter

_CLOSE_S: Final = 8.0


class PostgresEventLog(AppendingLog[Change]):
    """``ports.EventLog`` over a database that ``netra migrate`` has prepared; made by ``open``."""

    def __init__(
        self,
        url: str,
        process_id: str,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        publish: Publish,
        on_failure: OnFailure,
        *,
        lease_ms: int,
        limits: Limits,
    ) -> None:
        super().__init__(loop, publish, on_failure, most_heads=limits.process_threads, blob_bytes=limits.blob_bytes)
        self.process_id = process_id
        self._most_unstored = limits.unstored_bytes
        most = limits.database_connections
        self._readers, self._writers = (PostgresConnectionPool(url, role, most, limits) for role in (READER, WRITER))
        self.files = PostgresFiles(self._readers, self._writers, clock.now_ms)
        self.state = PostgresState(self._readers, self._writers)
        pools = self._readers, self._writers
        self.secrets, self.mcp_servers, self.api_keys = credential_stores(url, *pools, clock.now_ms, limits)
        self.spending = PostgresSpending(*pools)
        self._reader = PostgresReader(self._readers, self._writers, limits)
        self._ownership = PostgresThreadOwnership(self._writers, process_id)
        self.lease = PostgresLease(self._writers, process_id, self._look_after_heads, lease_ms=lease_ms)
        dial, answer_s = partial(connected, url, WRITER, limits), 2 * limits.database_command_s
        self._writer = PostgresWriter(dial, process_id, clock.now_ms, self, answer_s=answer_s)
        self._put = self._send
        self._open: dict[ThreadHead, set[str]] = {}
        self._moving: dict[ThreadHead, asyncio.Future[None]] = {}
        self._deleting: dict[ThreadHead, tuple[str, str, str]] = {}
        self._found = BatchLoader(self._reader.heads)
        self._requested: BatchLoader[Key, StoredRun] = BatchLoader(self._reader.requests)
        self._held: BatchLoader[str, AcquiredThread | NotAcquired] = BatchLoader(self._ownership.acquire)

    @classmethod
    async def open(
        cls,
        url: str,
        process_id: str,
        clock: Clock,
        publish: Publish,
        on_failure: OnFailure,
        *,
        lease_ms: int = LEASE_MS,
        limits: Limits = USUAL,
    ) -> PostgresEventLog:
        """A log that has its lease. Raises ``DependencyUnavailable``."""
        loop = asyncio.get_running_loop()
        log = cls(url, process_id, clock, loop, publish, on_failure, lease_ms=lease_ms, limits=limits)
        try:
            await log.lease.take()
        except BaseException:
            await log.close()
            raise
        return log

    @property
    def lost(self) -> bool:
        """Whether what was appended waits for the database to come back: new requests are refused meanwhile."""
        return self._writer.lost

    def counts(self) -> Mapping[str, int]:
        return {"commits": self._writer.commits, "rows": self._writer.rows}

    # --- heads ------------------------------------------------------------------------------------------------------

    async def find(self, thread_id: str) -> ThreadHead | None:
        known = self._heads.get(thread_id)
        if known is not None and is_certain(known) and (known.durable or not known.owner):
            return known
        found = await self._found(thread_id) if may_be_an_id(thread_id) else None
        known = self._heads.get(thread_id)  # somebody may have found or made it while we read
        if found is None:
            return known
        if known is None:
            known = ThreadHead("", thread_id, "", 0)
            self._keep(known)
        elif is_certain(known):
            if not known.durable and known.owner and known.epoch == found["epoch"]:
                await self._settled(known)  # it is stored, and others may have told of it: the answer is on its way
            if known.durable or not known.owner or known.epoch == found["epoch"]:
                return known
            known = ThreadHead("", thread_id, "", 0)  # another process was first; what is begun here is refused soon
        bring_up(known, *tuple(found)[1:])
        return known

    def create(self, owner: str, thread_id: str, epoch: str, title: str, now_ms: int) -> ThreadHead:
        if thread_id in self._heads:
            raise ValueError("this thread is known")
        head = ThreadHead(owner, thread_id, epoch, 0, title=title, fence=1)
        self._keep(head)
        return head

    async def acquire(self, head: ThreadHead) -> list[StoredRun]:
        while True:
            if self._heads.setdefault(head.thread_id, head) is not head:
                raise unavailable()
            if is_certain(head):
                return []
            if head not in self._moving:
                break
            await asyncio.shield(self._moving[head])  # another request takes hold of it, or it is being let go of
        self._moving[head] = self._loop.create_future()
        try:
            await self._settled(head)
            held = await self._held(head.thread_id)
            if self._heads.get(head.thread_id) is not head:
                raise unavailable()
            return self._take(head, held) if head.owner else []
        finally:
            self._moving.pop(head).set_result(None)

    def _take(self, head: ThreadHead, held: AcquiredThread | NotAcquired | None) -> list[StoredRun]:
        """Make ``head`` what was stored when it was taken hold of; the runs that were left in it."""
        if held is None:  # it was never stored
            return []
        if isinstance(held, NotAcquired):
            if held.holder is not None:
                raise HeldElsewhere(held.holder)
            head.owner = head.epoch = head.title = ""
            return []
        head.top = head.durable = 0
        bring_up(head, held.owner, held.epoch, held.title, held.oldest, held.top)
        head.fence = held.fence
        if held.left:
            self._open[head] = {run.run_id for run in held.left}
        return list(held.left)

    async def take_over(self, limit: int) -> list[StoredRun]:
        runs: list[StoredRun] = []
        for held in await self._ownership.take_over(limit, self._known_to_be_ours):
            known = self._heads.get(held.thread_id)
            if known is not None and not known.owner:
                continue  # it is being deleted here; where that fails, it is taken over later
            head = self._heads[held.thread_id] = ThreadHead("", held.thread_id, "", 0)
            runs += self._take(head, held)
        return runs

    def _known_to_be_ours(self) -> list[str]:
        heads = self._heads.items()
        return [key for key, head in heads if head.fence or head.durable < head.top or head in self._moving]

    async def release(self, heads: Sequence[ThreadHead]) -> None:
        held = [(head, head.fence) for head in heads if head.fence]
        for head, _ in held:
            head.fence = 0
            self._open.pop(head, None)
            self._moving[head] = self._loop.create_future()
        try:
            self._flush()
            for head, _ in held:
                await self._settled(head)
            await self._ownership.release([(head.thread_id, fence) for head, fence in held])
        finally:
            for head, _ in held:
                self._moving.pop(head).set_result(None)

    def forget(self, thread_id: str) -> None:
        known = self._heads.get(thread_id)
        if known is not None and not known.pins and known.durable == known.top and not (known.fence and known.top):
            del self._heads[thread_id]

    async def _look_after_heads(self) -> None:
        """After the lease had run out: let go of those threads that others took meanwhile. The rest stays ours."""
        held = {head: head.fence for head in self._heads.values() if head.fence and head.stored and head.owner}
        for head in await self._ownership.lost(list(held)):
            if head.fence == held[head]:
                self.on_rejected([], [head])
                head.reject_runs("fenced")

    # --- appending --------------------------------------------------------------------------------------------------

    def append(
        self,
        run: RunRecord,
        frame: bytes,
        *,
        ends: bool = False,
        on_commit: OnCommit | None = None,
        blobs: Sequence[Blob] = (),
        may_wait: bool = False,
    ) -> None:
        head = run.head
        if not head.fence or self._heads.get(head.thread_id) is not head:
            raise DependencyUnavailable("This thread cannot be written at the moment.", retry_after_ms=100)
        if (self.lost and not run.seq) or self._writer.waiting_bytes > self._most_unstored:
            raise DependencyUnavailable("The database does not answer.", retry_after_ms=1000)
        super().append(run, frame, ends=ends, on_commit=on_commit, blobs=blobs, may_wait=may_wait)

    async def durable(self, run: RunRecord) -> None:
        head = run.head
        if head.durable < head.top and self._heads.get(head.thread_id) is not head:
            raise unavailable()
        await super().durable(run)

    def _send(self, work: list[Chunk] | Change) -> None:
        if isinstance(work, list):
            for chunk in work:
                if chunk.ends:
                    self._open.get(chunk.head, set()).discard(chunk.run.run_id)
                elif not chunk.run.stored:
                    self._open.setdefault(chunk.head, set()).add(chunk.run.run_id)
        self._writer.put(work)

    def is_kept(self, head: ThreadHead, top: int) -> bool:
        """Whether the thread is held further after a run in it ends at ``top``: if there is more than that going on."""
        return head.top != top or bool(self._open.get(head))

    def let_go(self, heads: Sequence[ThreadHead]) -> None:
        """These are on their way to be nobody's: who wants to append from now on acquires them again, after that is stored."""
        for head in heads:
            self._open.pop(head, None)
            head.fence = 0

    def owner_of(self, head: ThreadHead) -> str:
        """Who is to be written of a thread: also while it is being deleted, after what was appended before."""
        return head.owner or self._deleting[head][0]

    def on_stored(self, chunks: list[Chunk], changes: Sequence[Change]) -> None:
        self._committed(chunks, changes)

    def on_rejected(self, chunks: list[tuple[Chunk, AppendRejection]], heads: list[ThreadHead]) -> None:
        for head in heads:
            if self._heads.get(head.thread_id) is head:
                del self._heads[head.thread_id]
            head.fence = 0
            self._open.pop(head, None)
            self._turn_away(head)
        for chunk, why in chunks:
            reject(chunk.run, why)

    def change_failed(self, change: Change, fault: Exception) -> None:
        self._change_failed(change, fault)

    def broken(self, fault: BaseException) -> None:
        self._fail(fault)

    # --- reading ----------------------------------------------------------------------------------------------------

    def pages(self, head: ThreadHead, after: int, upto: int) -> AsyncIterator[list[bytes]]:
        return self._reader.pages(head.owner, head.thread_id, after, upto)

    async def run(self, run_id: str) -> StoredRun | None:
        return await self._reader.run(run_id) if may_be_an_id(run_id) else None

    async def run_pages(self, run: StoredRun, holding: bytes = b"") -> AsyncIterator[list[bytes]]:
        if (head := await self.find(run.thread_id)) is not None:
            async for frames in self._reader.run_pages(run, head.durable, holding):
                yield frames

    async def request(self, owner: str, key: str, since_ms: int) -> StoredRun | None:
        return await self._requested((owner, storable(key), since_ms))

    async def holders(self, owner: str) -> dict[str, str]:
        return await self._reader.holders(owner, self.process_id)

    async def moved(self, owners: Sequence[str], since_ms: int) -> list[Moved]:
        return await self._reader.moved(owners, since_ms)

    async def newest_ms(self) -> int:
        return await self._reader.newest_ms()

    async def threads(
        self, owner: str, *, limit: int, search: str = "", before_ms: int | None = None, before_id: str = ""
    ) -> list[StoredThread]:
        return await self._reader.threads(owner, limit, search, before_ms, before_id)

    async def runs(
        self, owner: str, *, limit: int, thread_id: str = "", after: RunPlace | None = None
    ) -> list[ListedRun]:
        return await self._reader.runs(owner, limit, thread_id, after)

    async def blob(self, owner: str, thread_id: str, ref: str) -> tuple[bytes, str] | None:
        return await self._reader.blob(owner, thread_id, ref) if may_be_an_id(thread_id) and is_ref(ref) else None

    async def blob_refs(self, owner: str, thread_id: str, after: str = "") -> list[BlobRef]:
        return await self._reader.blob_refs(owner, thread_id, after, BLOBS_A_PAGE) if may_be_an_id(thread_id) else []

    # --- changing ---------------------------------------------------------------------------------------------------

    async def rename(self, head: ThreadHead, title: str) -> None:
        head.title = title
        await self._change(Rename(head.thread_id, title))

    async def delete_thread(self, head: ThreadHead) -> None:
        await self._delete([head.thread_id])

    async def delete_owner(self, owner: str) -> list[str]:
        stored = await self._reader.threads_of(owner)
        here = [head.thread_id for head in self._heads.values() if head.owner == owner]
        threads = list(dict.fromkeys([*stored, *here]))
        await self._delete(threads)
        for each in (self.files, self.state, self.spending):
            await each.remove_all(owner)
        return threads

    async def expire_requests(
        self, before_ms: int, after: tuple[str, str] = ("", "")
    ) -> tuple[int, tuple[str, str] | None]:
        old, then = expired(await self._reader.requests_after(after, REQUESTS_AT_ONCE), before_ms)
        if old:
            async with self._writers.line() as line:
                await expire(line, old, before_ms)
        return len(old), then

    async def trim(self, before_ms: int) -> int:
        untouched = await self._reader.untouched(before_ms)
        threads = [thread_id for _, thread_id, top in untouched if not self._is_in_use(thread_id, top)]
        return len(await self._delete(threads, before_ms)) if threads else 0

    async def _delete(self, thread_ids: Sequence[str], before_ms: int | None = None) -> list[str]:
        self._flush()
        for thread_id in thread_ids:
            head = self._heads.get(thread_id)
            if head is not None and head.owner:
                self._deleting[head] = head.owner, head.epoch, head.title
            self._disown(thread_id)
        change = Deletion(thread_ids, self.process_id, before_ms)
        try:
            await self._change(change)
        finally:
            for thread_id in set(thread_ids).difference(change.deleted):
                self._own_again(thread_id)
            for head in [head for head in self._deleting if head.thread_id in thread_ids]:
                del self._deleting[head]
        return change.deleted

    def _own_again(self, thread_id: str) -> None:
        """The thread was not deleted, or nobody knows: it is as it was."""
        head = self._heads.get(thread_id)
        if head in self._deleting:
            head.owner, head.epoch, head.title = self._deleting[head]
        elif head is not None:
            del self._heads[thread_id]

    async def close(self) -> None:
        self._flush()
        self.failed = True
        await self._writer.stop(_CLOSE_S)
        held = [head for head in self._heads.values() if head.fence and head.stored and head.owner]
        with suppress(DependencyUnavailable):  # the lease runs out by itself
            await self._ownership.release([(head.thread_id, head.fence) for head in held])
            await self.lease.give_up()
        for lines in (self._readers, self._writers, self.api_keys):
            await lines.close()
