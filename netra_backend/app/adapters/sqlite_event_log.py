"""The embedded event log: SQLite, one writing thread, group commit; append, commit, then publish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from ..core import history
from ..core.errors import DependencyUnavailable
from ..core.history import Chunk, RunRecord, ThreadHead
from ..ports import Clock, Moved, StoredRun, StoredThread
from . import sqlite_reader, sqlite_schema
from .key_filter import DAY_MS, KeyFilter
from .sqlite_changes import Change, Deletion, Rename
from .sqlite_writer import SqliteWriter

T = TypeVar("T")

MAX_HEADS: Final = 100_000
"""Heads kept in memory; those without a run are let go, oldest first, above that."""


class SqliteEventLog:
    """``ports.EventLog`` in one file.

    ``publish(chunks)`` is called on the loop with what was committed, in order. ``on_failure`` is called once on the loop
    when a commit failed.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        publish: Callable[[list[Chunk]], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.failed = False
        self._loop = loop
        self._publish = publish
        self._on_failure = on_failure
        self._heads: dict[str, ThreadHead] = {}
        self._dirty: list[Chunk] = []
        self._due: list[Chunk] = []
        self._waiters: dict[ThreadHead, list[tuple[int, asyncio.Future[None]]]] = {}
        self._changes: dict[Change, asyncio.Future[None]] = {}
        writer = sqlite_schema.open_writer(path)
        self._next_key: int = writer.execute("SELECT coalesce(max(key), 0) + 1 FROM thread").fetchone()[0]
        self._writer = SqliteWriter(writer, self._committed_in_thread, self._failed_in_thread, clock.now_ms)
        self._reader = sqlite_schema.open_reader(path)
        self._keys = KeyFilter(clock.now_ms())
        for owner, key, created in sqlite_reader.keys_since(self._reader, clock.now_ms() - DAY_MS):
            self._keys.add(owner, key, created)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="netra-log-reader")
        self._writer.start()

    def counts(self) -> Mapping[str, int]:
        return {"commits": self._writer.commits, "rows": self._writer.rows}

    # --- heads ------------------------------------------------------------------------------------------------------

    def known(self, thread_id: str) -> ThreadHead | None:
        return self._heads.get(thread_id)

    async def find(self, thread_id: str) -> ThreadHead | None:
        known = self._heads.get(thread_id)
        if known is not None:
            return known
        found = await self._read(sqlite_reader.head, thread_id)
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

    def _keep(self, head: ThreadHead) -> None:
        if len(self._heads) >= MAX_HEADS:
            idle = (each for each in self._heads.values() if not each.lines and each.durable == each.top)
            for each in list(islice(idle, max(1, MAX_HEADS // 10))):
                del self._heads[each.thread_id]
        self._heads[head.thread_id] = head

    async def hold(self, head: ThreadHead) -> list[StoredRun]:
        return []  # the store is this log's alone, and every head is born held

    async def release(self, heads: Sequence[ThreadHead]) -> None:
        """There is nobody to let go to."""

    def forget(self, thread_id: str) -> None:
        """Nothing here is ever older than the store."""

    # --- appending --------------------------------------------------------------------------------------------------

    def append(self, run: RunRecord, frame: bytes, *, ends: bool = False) -> Chunk:
        if self.failed or not run.head.owner:  # a deleted thread is nobody's
            raise DependencyUnavailable("The event log is not writable.", retry_after_ms=5000)
        if run.key is not None and run.seq == 0:
            self._keys.add(run.head.owner, run.key, run.created_ms)
        begun = history.append(run, frame)
        if begun is not None:
            if not self._dirty:
                self._loop.call_soon(self._flush_next)
            self._dirty.append(begun)
        chunk = run.head.chunk
        assert chunk is not None
        if ends:
            chunk.ends = run.ended = True
        return chunk

    def _flush_next(self) -> None:
        """Flush after the tasks that this turn of the loop made have taken their first step: a run that was accepted and
        begins at once is then one chunk, one commit and one write. What is begun meanwhile waits for its own first steps."""
        self._make_due()
        self._loop.call_soon(self._flush_due)

    def _make_due(self) -> None:
        self._due.extend(self._dirty)
        self._dirty.clear()

    def _flush_due(self) -> None:
        due, self._due = self._due, []
        if due:
            for chunk in due:
                history.seal(chunk)
            self._writer.put(due)

    def _flush(self) -> None:
        """Flush all there is, at once."""
        self._make_due()
        self._flush_due()

    async def durable(self, run: RunRecord) -> None:
        if self.failed:
            raise DependencyUnavailable("The event log is not writable.", retry_after_ms=5000)
        head = run.head
        if head.durable < head.top:
            waiter = self._loop.create_future()
            self._waiters.setdefault(head, []).append((head.top, waiter))
            await waiter

    def _committed_in_thread(self, chunks: list[Chunk], changes: list[Change]) -> None:
        self._loop.call_soon_threadsafe(self._committed, chunks, changes)

    def _committed(self, chunks: list[Chunk], changes: list[Change]) -> None:
        for chunk in chunks:
            chunk.head.durable = chunk.first + len(chunk.frames) - 1
        if self._waiters:
            for head in {chunk.head for chunk in chunks} & self._waiters.keys():
                self._wake(head)
        for change in changes:
            done = self._changes.pop(change)
            if not done.done():
                done.set_result(None)
        if chunks:
            self._publish(chunks)

    def _wake(self, head: ThreadHead) -> None:
        still = []
        for target, waiter in self._waiters.pop(head):
            if target > head.durable:
                still.append((target, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        if still:
            self._waiters[head] = still

    def _failed_in_thread(self, error: BaseException) -> None:
        self._loop.call_soon_threadsafe(self._fail, error)

    def _fail(self, error: BaseException) -> None:
        self.failed = True
        waiting = [waiter for waiters in self._waiters.values() for _, waiter in waiters]
        for each in (*waiting, *self._changes.values()):
            if not each.done():
                each.set_exception(DependencyUnavailable("The event log is not writable.", retry_after_ms=5000))
        self._waiters.clear()
        self._changes.clear()
        self._on_failure(error)

    # --- reading ----------------------------------------------------------------------------------------------------

    async def _read(self, query: Callable[..., T], *arguments: object) -> T:
        return await self._loop.run_in_executor(self._reading, partial(query, self._reader, *arguments))

    async def pages(self, head: ThreadHead, after: int, upto: int) -> AsyncIterator[list[bytes]]:
        if after >= upto:
            return
        rows = await self._read(sqlite_reader.rows_between, head.key, after, upto)
        start = 0
        while start < len(rows):
            frames, start = await self._read(sqlite_reader.page, rows, start, after, upto)
            if frames:
                yield frames

    async def run(self, run_id: str) -> StoredRun | None:
        return await self._read(sqlite_reader.run, run_id)

    async def run_frames(self, run: StoredRun) -> list[bytes]:
        head = await self.find(run.thread_id)
        if head is None:
            return []
        return await self._read(
            lambda connection: list(sqlite_reader.run_frames(connection, head.key, run, head.durable))
        )

    async def request(self, owner: str, key: str, since_ms: int) -> StoredRun | None:
        if not self._keys.may_hold(owner, key):
            return None
        return await self._read(sqlite_reader.request, owner, key, since_ms)

    async def take_over(self, limit: int) -> list[StoredRun]:
        return await self._read(sqlite_reader.unfinished)

    async def holders(self, owner: str) -> dict[str, str]:
        return {}

    async def moved(self, owners: Sequence[str], since_ms: int) -> list[Moved]:
        return []

    async def threads(
        self, owner: str, *, limit: int, search: str = "", before_ms: int | None = None, before_id: str = ""
    ) -> list[StoredThread]:
        return await self._read(sqlite_reader.threads, owner, limit, search, before_ms, before_id)

    # --- changing ---------------------------------------------------------------------------------------------------

    async def _change(self, change: Change) -> None:
        if self.failed:
            raise DependencyUnavailable("The event log is not writable.", retry_after_ms=5000)
        self._flush()  # what was appended before the change is stored before it
        done = self._changes[change] = self._loop.create_future()
        self._writer.put(change)
        await done

    async def rename(self, head: ThreadHead, title: str) -> None:
        head.title = title
        await self._change(Rename(head.key, title))

    async def delete_thread(self, head: ThreadHead) -> None:
        await self._delete([(head.key, head.thread_id)])

    async def delete_owner(self, owner: str) -> list[str]:
        stored = await self._read(sqlite_reader.threads_of, owner)
        in_memory = [(head.key, head.thread_id) for head in self._heads.values() if head.owner == owner]
        threads = dict.fromkeys([*stored, *in_memory])
        await self._delete(list(threads))
        return [thread_id for _, thread_id in threads]

    async def trim(self, before_ms: int) -> int:
        untouched = await self._read(sqlite_reader.untouched, before_ms)
        threads = [(key, thread_id) for key, thread_id, top in untouched if not self._is_in_use(thread_id, top)]
        await self._delete(threads)
        return len(threads)

    def _is_in_use(self, thread_id: str, top: int) -> bool:
        head = self._heads.get(thread_id)
        return head is not None and (bool(head.lines) or head.top != top)

    async def _delete(self, threads: Sequence[tuple[int, str]]) -> None:
        # Nobody's from this step of the loop on, so that nothing is appended to what is being deleted.
        for key, thread_id in threads:
            head = self._heads.get(thread_id)
            if head is None:
                head = ThreadHead("", thread_id, "", key, fence=1)
                self._keep(head)
            head.owner = head.title = head.epoch = ""
        await self._change(Deletion([key for key, _ in threads]))

    async def close(self) -> None:
        self._flush()
        self.failed = True
        await self._loop.run_in_executor(None, self._writer.stop)
        self._reading.shutdown()
        self._reader.close()
