"""What every event log does on the loop, whatever it stores into: heads in memory, appending, waiting, telling.

Events gather in chunks; chunks that were begun in one loop iteration go to the store together, once the tasks of that iteration
have taken their first steps. A chunk of events that may wait goes with what its thread appends next, or when somebody waits for
it, and after 5 ms by itself. The store says what it has committed, in order; waiters are woken then, and the events delivered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import islice
from typing import Final, Generic, TypeVar

from ...core import history
from ...core.blobs import Blob, check_bounds
from ...core.errors import DependencyUnavailable
from ...core.history import NO_BLOBS, Chunk, OnCommit, RunRecord, StoredRun, ThreadHead
from ...core.limits import USUAL

REQUESTS_AT_ONCE: Final = 200
"""Idempotency keys that are looked at, and at most let go of, in one step: appends wait for no more than that."""

HOLD_S: Final = 0.005
"""How long a chunk whose events may wait is held back, so that what comes next is in its commit."""

Publish = Callable[[list[Chunk]], None]
"""Called on the loop with what was committed, in order."""

OnFailure = Callable[[BaseException], None]
"""Called once on the loop when a log takes nothing more."""

ChangeT = TypeVar("ChangeT")


class AppendingLog(Generic[ChangeT]):
    """The half of ``ports.EventLog`` that no store differs in.

    A log of it has ``run_pages`` and sets ``_put``, which hands chunks or a change to the store (what is put first is stored
    first), and has ``_committed`` called for each of them, in that order, or ``_fail`` once.
    """

    _put: Callable[[list[Chunk] | ChangeT], None]
    run_pages: Callable[..., AsyncIterator[list[bytes]]]

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        publish: Publish,
        on_failure: OnFailure,
        *,
        most_heads: int = USUAL.process_threads,
        blob_bytes: int = USUAL.blob_bytes,
    ) -> None:
        self.failed = False
        self._blob_bytes = blob_bytes
        self._loop = loop
        self._most_heads = most_heads
        self._publish = publish
        self._on_failure = on_failure
        self._heads: dict[str, ThreadHead] = {}
        self._dirty: list[Chunk] = []
        self._due: list[Chunk] = []
        self._held_back: dict[Chunk, None] = {}
        self._late: list[ChangeT] = []
        self._is_timed = False
        self._waiters: dict[ThreadHead, list[tuple[int, asyncio.Future[None]]]] = {}
        self._changes: dict[ChangeT, asyncio.Future[None]] = {}

    # --- reading ----------------------------------------------------------------------------------------------------

    async def run_frames(self, run: StoredRun) -> list[bytes]:
        return [frame async for page in self.run_pages(run) for frame in page]

    # --- heads ------------------------------------------------------------------------------------------------------

    def known(self, thread_id: str) -> ThreadHead | None:
        return self._heads.get(thread_id)

    def _keep(self, head: ThreadHead) -> None:
        # Above the bound, heads without a run are let go, oldest first.
        if len(self._heads) >= self._most_heads:
            idle = (each for each in self._heads.values() if not each.pins and each.durable == each.top)
            for each in list(islice(idle, max(1, self._most_heads // 10))):
                del self._heads[each.thread_id]
        self._heads[head.thread_id] = head

    def _is_in_use(self, thread_id: str, top: int) -> bool:
        """Whether the thread has a run here, or more than the store has shown."""
        head = self._heads.get(thread_id)
        return head is not None and (head.pins > 0 or head.top != top)

    async def _left(
        self, unfinished: Sequence[StoredRun], look: Callable[[str], Awaitable[StoredRun | None]]
    ) -> list[StoredRun]:
        """Those of these runs, as they were read a moment ago, that do not go on here. One that has just ended here may have
        been read before that was stored: it is looked at again once it is."""
        left = []
        for run in unfinished:
            head = self._heads.get(run.thread_id)
            if head is not None:
                if head.pins or head.durable < head.top:
                    continue
                again = await look(run.run_id)
                if again is None or again.ended_seq:
                    continue
            left.append(run)
        return left

    def _disown(self, thread_id: str, key: int = 0) -> None:
        """Make the thread nobody's from this step of the loop on, so that nothing is appended to what is being deleted."""
        head = self._heads.get(thread_id)
        if head is None:
            head = ThreadHead("", thread_id, "", key, fence=1)
            self._keep(head)
        head.owner = head.title = head.epoch = ""

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
        if self.failed or not run.head.owner:  # a deleted thread is nobody's
            raise unavailable()
        if blobs:
            check_bounds(blobs, self._blob_bytes)
        before = run.head.chunk
        begun = history.append(run, frame, on_commit, blobs)
        if self._held_back and (begun is not None or not may_wait):
            self._send_on(before)
        if begun is not None:
            if may_wait:
                self._hold(begun)
            else:
                self._make_dirty(begun)
            if run.key is not None and run.seq == begun.first:
                self._keyed(run)
        if ends:
            run.ended = True
            chunk = run.head.chunk
            assert chunk is not None
            chunk.ends = True

    def _keyed(self, run: RunRecord) -> None:
        """A run with an idempotency key has its first event."""

    def _make_dirty(self, chunk: Chunk) -> None:
        if not self._dirty:
            self._loop.call_soon(self._flush_next)
        self._dirty.append(chunk)

    def _hold(self, chunk: Chunk) -> None:
        """It is the newest of its thread for as long as it is held: ``append`` sends it on before it begins another one."""
        self._held_back[chunk] = None
        self._time()

    def _time(self) -> None:
        if not self._is_timed:
            self._is_timed = True
            self._loop.call_later(HOLD_S, self._send_on_held)

    def _send_on(self, chunk: Chunk | None) -> None:
        """Hold it back no longer, if it is held."""
        if chunk in self._held_back:
            del self._held_back[chunk]
            self._make_dirty(chunk)

    def _send_on_held(self) -> None:
        self._is_timed = False
        for chunk in list(self._held_back):
            self._send_on(chunk)
        if self._late and not self._dirty:
            self._loop.call_soon(self._flush_next)

    def _flush_next(self) -> None:
        """Flush after the tasks that this loop iteration made have taken their first step: a run that was accepted and
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
            self._put(due)
        if self._late:
            late, self._late = self._late, []
            for change in late:
                self._put(change)

    def _flush(self) -> None:
        """Flush all there is, at once."""
        self._send_on_held()
        self._make_due()
        self._flush_due()

    # --- waiting and telling ----------------------------------------------------------------------------------------

    async def durable(self, run: RunRecord) -> None:
        if self.failed:
            raise unavailable()
        await self._settled(run.head)

    async def _settled(self, head: ThreadHead) -> None:
        """Wait until all that was appended to the thread is committed."""
        if head.durable < head.top:
            self._send_on(head.chunk)
            waiter = self._loop.create_future()
            self._waiters.setdefault(head, []).append((head.top, waiter))
            await waiter

    async def _change(self, change: ChangeT, *, may_wait: bool = False) -> None:
        """Have the store changed, after all that was appended before; committed on return. One that ``may_wait`` is put with
        what is put next, or after a while."""
        if self.failed:
            raise unavailable()
        if may_wait:
            self._late.append(change)
            self._time()
        else:
            self._flush()
        done = self._changes[change] = self._loop.create_future()
        if not may_wait:
            self._put(change)
        await done

    def _committed(self, chunks: list[Chunk], changes: Sequence[ChangeT]) -> None:
        for chunk in chunks:
            chunk.head.durable = chunk.first + len(chunk.frames) - 1
        if self._waiters:
            for chunk in chunks:  # in their order: that of a set would be another in each process
                if chunk.head in self._waiters:
                    self._wake(chunk.head)
        for change in changes:
            done = self._changes.pop(change)
            if not done.done():
                done.set_result(None)
        if chunks:
            history.report_commits(chunks)
            self._publish(chunks)

    def _change_failed(self, change: ChangeT, fault: Exception) -> None:
        done = self._changes.pop(change)
        if not done.done():
            done.set_exception(fault)

    def _wake(self, head: ThreadHead) -> None:
        still = []
        for target, waiter in self._waiters.pop(head):
            if target > head.durable:
                still.append((target, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        if still:
            self._waiters[head] = still

    def _drop_waiting(self) -> None:
        """The store gets nothing more."""
        self._held_back.clear()
        self._late.clear()
        self._dirty.clear()
        self._due.clear()

    def _turn_away(self, head: ThreadHead) -> None:
        """Tell those who wait for this head that what they wait for is never stored."""
        for _, waiter in self._waiters.pop(head, ()):
            if not waiter.done():
                waiter.set_exception(unavailable())

    def _fail(self, error: BaseException) -> None:
        self.failed = True
        self._drop_waiting()
        for head in list(self._waiters):
            self._turn_away(head)
        for done in self._changes.values():
            if not done.done():
                done.set_exception(unavailable())
        self._changes.clear()
        self._on_failure(error)


def expired(
    page: Sequence[tuple[str, str, int]], before_ms: int
) -> tuple[list[tuple[str, str]], tuple[str, str] | None]:
    """Of a page of requests (owner, key, time) those that are older, and after which the next page comes, if one does."""
    old = [(owner, key) for owner, key, created_ms in page if created_ms < before_ms]
    return old, page[-1][:2] if len(page) == REQUESTS_AT_ONCE else None


def unavailable() -> DependencyUnavailable:
    """What is said where nothing can be appended."""
    return DependencyUnavailable("The event log cannot be written at the moment.", retry_after_ms=5000)
