"""The embedded event log: SQLite, one writing thread, group commit; append, commit, then publish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from ...core.blobs import BLOBS_A_PAGE, BlobRef
from ...core.fair_turns import NOBODY
from ...core.history import Chunk, ListedRun, Moved, RunPlace, RunRecord, StoredRun, StoredThread, ThreadHead
from ...core.limits import USUAL, Limits
from ...ports import Clock
from ...services.shared_threads import SharedThreads
from ..event_log.appending import REQUESTS_AT_ONCE, AppendingLog, OnFailure, Publish, expired
from ..event_log.key_filter import DAY_MS, KeyFilter
from . import reader, schema
from .api_keys import SqliteApiKeys
from .changes import Change, Deletion, Expiry, Rename
from .files import SqliteFiles
from .gone_files import GoneFiles
from .gone_threads import GoneThreads
from .secrets import SqliteSecrets
from .spending import SqliteSpending
from .state import SqliteState
from .writer import SqliteWriter

T = TypeVar("T")


class SqliteEventLog(AppendingLog[Change]):
    """``ports.EventLog`` in one file.

    ``publish(chunks)`` is called on the loop with what was committed, in order. ``on_failure`` is called once on the loop
    when a commit failed.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        publish: Publish,
        on_failure: OnFailure,
        limits: Limits = USUAL,
    ) -> None:
        super().__init__(loop, publish, on_failure, most_heads=limits.process_threads, blob_bytes=limits.blob_bytes)
        self._limits = limits
        writer = schema.open_writer(path)
        self._next_key: int = writer.execute("SELECT coalesce(max(key), 0) + 1 FROM thread").fetchone()[0]
        self._writer = SqliteWriter(writer, self._committed_in_thread, self._failed_in_thread, clock.now_ms)
        self._reader = schema.open_reader(path)
        self._keys = KeyFilter(clock.now_ms())
        for owner, key, created in reader.keys_since(self._reader, clock.now_ms() - DAY_MS):
            self._keys.add(owner, key, created)
        self._reading = SharedThreads("netra-log-reader", 1)
        self._gone = GoneFiles(self._change, self._read)
        self._gone_threads = GoneThreads(self._change, self._read)
        reserved = limits.reserved_disk_bytes
        self.files = SqliteFiles(self._change, self._read, clock.now_ms, path.parent, reserved, self._gone)
        self.state = SqliteState(self._change, self._read)
        self.secrets = SqliteSecrets(self._change, self._read, clock.now_ms)
        self.mcp_servers = SqliteSecrets(self._change, self._read, clock.now_ms, "mcp_server")
        self.api_keys = SqliteApiKeys(self._change, self._read)
        self.spending = SqliteSpending(self._change, self._read)
        self._put = self._writer.put
        self._writer.start()

    def counts(self) -> Mapping[str, int]:
        return {"commits": self._writer.commits, "rows": self._writer.rows}

    # --- heads ------------------------------------------------------------------------------------------------------

    async def find(self, thread_id: str) -> ThreadHead | None:
        known = self._heads.get(thread_id)
        if known is not None:
            return known
        found = await self._read(NOBODY, reader.head, thread_id)
        known = self._heads.get(thread_id)  # somebody may have found or made it while we read
        if known is not None or found is None:
            return known
        key, owner, epoch, title, oldest, top, row = found
        head = ThreadHead(owner, thread_id, epoch, key, top=top, oldest=oldest, row=row, title=title, fence=1)
        head.stored = True
        self._keep(head)
        return head

    def create(self, owner: str, thread_id: str, epoch: str, title: str, now_ms: int) -> ThreadHead:
        if thread_id in self._heads:
            raise ValueError("this thread is known")
        head = ThreadHead(owner, thread_id, epoch, self._next_key, title=title, fence=1)
        self._next_key += 1
        self._keep(head)
        return head

    async def acquire(self, head: ThreadHead) -> list[StoredRun]:
        return []  # the store is this log's alone, and every head is born held

    async def release(self, heads: Sequence[ThreadHead]) -> None:
        """There is nobody to let go to."""

    def forget(self, thread_id: str) -> None:
        """Nothing here is ever older than the store."""

    # --- appending --------------------------------------------------------------------------------------------------

    def _keyed(self, run: RunRecord) -> None:
        assert run.key is not None
        self._keys.add(run.head.owner, run.key, run.created_ms)

    def _committed_in_thread(self, chunks: list[Chunk], changes: list[Change]) -> None:
        self._loop.call_soon_threadsafe(self._committed, chunks, changes)

    def _failed_in_thread(self, error: BaseException) -> None:
        self._loop.call_soon_threadsafe(self._fail, error)

    # --- reading ----------------------------------------------------------------------------------------------------

    async def _read(self, owner: str, query: Callable[..., T], *arguments: object) -> T:
        """``query`` in its owner's turn. What belongs to nobody in particular is quick, and read first."""
        return await self._reading.run(owner, partial(query, self._reader, *arguments))

    async def _read_in_slices(self, owner: str, query: Callable[..., reader.Slices[T]], *arguments: object) -> T:
        slices = query(self._reader, *arguments)
        while True:
            done = await self._reading.run(owner, partial(_next, slices))
            if done:
                return done[0]

    async def pages(self, head: ThreadHead, after: int, upto: int) -> AsyncIterator[list[bytes]]:
        if after < upto:
            async for frames in self._pages(head, after, upto):
                yield frames

    async def _pages(self, head: ThreadHead, after: int, upto: int, *only: object) -> AsyncIterator[list[bytes]]:
        owner, start = head.owner, 0
        rows = await self._read_in_slices(owner, reader.rows_between, head.key, after, upto)
        while start < len(rows):
            frames, start = await self._read(owner, reader.page, rows, start, after, upto, self._limits, *only)
            if frames:
                yield frames

    async def run(self, run_id: str) -> StoredRun | None:
        return await self._read(NOBODY, reader.run, run_id)

    async def run_pages(self, run: StoredRun, holding: bytes = b"") -> AsyncIterator[list[bytes]]:
        head = await self.find(run.thread_id)
        if head is not None:
            upto = run.ended_seq or head.durable
            async for frames in self._pages(head, run.seq - 1, upto, run.run_id, holding):
                yield frames

    async def request(self, owner: str, key: str, since_ms: int) -> StoredRun | None:
        if not self._keys.may_hold(owner, key):
            return None
        return await self._read(owner, reader.request, owner, key, since_ms)

    async def take_over(self, limit: int) -> list[StoredRun]:
        return await self._left(await self._read(NOBODY, reader.unfinished), self.run)

    async def holders(self, owner: str) -> dict[str, str]:
        return {}

    async def moved(self, owners: Sequence[str], since_ms: int) -> list[Moved]:
        return []

    async def newest_ms(self) -> int:
        return 0

    async def threads(
        self, owner: str, *, limit: int, search: str = "", before_ms: int | None = None, before_id: str = ""
    ) -> list[StoredThread]:
        return await self._read(owner, reader.threads, owner, limit, search, before_ms, before_id)

    async def runs(
        self, owner: str, *, limit: int, thread_id: str = "", after: RunPlace | None = None
    ) -> list[ListedRun]:
        return await self._read_in_slices(owner, reader.runs, owner, limit, thread_id, after)

    async def blob(self, owner: str, thread_id: str, ref: str) -> tuple[bytes, str] | None:
        return await self._read(owner, reader.blob, owner, thread_id, ref)

    async def blob_refs(self, owner: str, thread_id: str, after: str = "") -> list[BlobRef]:
        return await self._read(owner, reader.blob_refs, owner, thread_id, after, BLOBS_A_PAGE)

    # --- changing ---------------------------------------------------------------------------------------------------

    async def rename(self, head: ThreadHead, title: str) -> None:
        head.title = title
        await self._change(Rename(head.key, title))

    async def delete_thread(self, head: ThreadHead) -> None:
        await self._delete([(head.key, head.thread_id)])

    async def delete_owner(self, owner: str) -> list[str]:
        stored = await self._read(owner, reader.threads_of, owner)
        in_memory = [(head.key, head.thread_id) for head in self._heads.values() if head.owner == owner]
        threads = dict.fromkeys([*stored, *in_memory])
        await self._delete(list(threads), owner)
        return [thread_id for _, thread_id in threads]

    async def expire_requests(
        self, before_ms: int, after: tuple[str, str] = ("", "")
    ) -> tuple[int, tuple[str, str] | None]:
        old, then = expired(await self._read(NOBODY, reader.requests_after, after, REQUESTS_AT_ONCE), before_ms)
        if old:
            await self._change(Expiry(old, before_ms))
        return len(old), then

    async def trim(self, before_ms: int) -> int:
        await self._gone_threads.purge_left()
        untouched = await self._read(NOBODY, reader.untouched, before_ms)
        threads = [(key, thread_id) for key, thread_id, top in untouched if not self._is_in_use(thread_id, top)]
        await self._delete(threads)
        return len(threads)

    async def _delete(self, threads: Sequence[tuple[int, str]], owner: str = "") -> None:
        for key, thread_id in threads:
            self._disown(thread_id, key)
        deletion = Deletion([key for key, _ in threads], owner)
        await self._change(deletion)
        await self._gone.purge(deletion.given_up)
        await self._gone_threads.purge([key for key, _ in threads])

    async def close(self) -> None:
        self._flush()
        self.failed = True
        await self._loop.run_in_executor(None, self._writer.stop)
        self._reading.close()
        self._reader.close()


def _next(slices: reader.Slices[T]) -> tuple[T] | None:
    """What it has come to, if this slice was its last."""
    try:
        next(slices)
    except StopIteration as end:
        return (end.value,)
    return None
