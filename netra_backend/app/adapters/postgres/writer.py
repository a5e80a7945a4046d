"""The one task that appends to PostgreSQL, over one connection.

It takes whatever has come since its last batch and sends it at once, so the batch grows with the load. Where the database is
lost it goes on trying; a batch whose outcome is unknown is looked for first, so that it is stored once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import asyncpg

from ...core.errors import DependencyUnavailable
from ...core.history import AppendRejection, Chunk, ThreadHead
from .batch import APPEND, APPEND_WITH_BLOBS, IS_STORED, REJECTED_STATE, Batch, Threads, cut
from .changes import Change
from .connection import TROUBLE, unavailable
from .pool import REPEATABLE, is_lost
from .state import append_with_state

_LOG: Final = logging.getLogger("netra.log")
_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 2.0
_GONE: Final = DependencyUnavailable("The database does not answer.", retry_after_ms=1000)
_PASSING: Final = ("53", "55", "57")  # the database is full, busy or going away: it is asked again


class Log(Threads, Protocol):
    """Whose chunks these are. It is told what became of what it gave; all on the loop, in order."""

    def let_go(self, heads: Sequence[ThreadHead]) -> None:
        """A batch that is about to be sent leaves these threads to nobody: nothing more is appended under their fences."""

    def on_stored(self, chunks: list[Chunk], changes: Sequence[Change]) -> None:
        """They are committed."""

    def on_rejected(self, chunks: list[tuple[Chunk, AppendRejection]], heads: list[ThreadHead]) -> None:
        """The store took nothing of these chunks, and takes nothing more of these heads."""

    def change_failed(self, change: Change, fault: Exception) -> None:
        """It was not made, or it is not known whether it was."""

    def broken(self, fault: BaseException) -> None:
        """The database refuses what it is sent: nothing more is stored. Said once."""


class PostgresWriter:
    """Stores chunks and makes changes, in the order they are put."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        process_id: str,
        now_ms: Callable[[], int],
        log: Log,
        *,
        answer_s: float,
    ) -> None:
        self._connect = connect
        self._process_id = process_id
        self._now_ms = now_ms
        self._log = log
        # The driver cuts a statement long before, unless it failed itself while it read the answer: then nothing of it would
        # ever come back.
        self.answer_s = answer_s
        self._connection: asyncpg.Connection | None = None
        self._append: Any = None
        self._append_with_blobs: Any = None
        self._chunks: list[Chunk] = []
        self._then: list[tuple[int, Change]] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self.waiting_bytes = 0
        self.lost = False
        """Whether a batch waits for the database to come back."""
        self.commits = self.rows = 0
        self._task = asyncio.create_task(self._run())

    def put(self, work: list[Chunk] | Change) -> None:
        """Store this after all that was put before."""
        if isinstance(work, list):
            self._chunks += work
            for chunk in work:
                self.waiting_bytes += chunk.weight
        elif self.lost:
            self._log.change_failed(work, _GONE)
        else:
            self._then.append((len(self._chunks), work))
        self._wake.set()

    async def stop(self, patience_s: float) -> None:
        """Store what waits, for so long, and close the connection."""
        self._stopping = True
        self._wake.set()
        await asyncio.wait({self._task}, timeout=patience_s)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._drop()

    async def _run(self) -> None:
        try:
            while True:
                if self._then and not self._then[0][0]:
                    await self._make(self._then.pop(0)[1])
                elif self._chunks:
                    await self._store(self._next_batch())
                elif self._stopping:
                    return
                else:
                    self._wake.clear()
                    await self._wake.wait()
        except Exception as fault:
            self._drop()
            self._log.broken(fault)

    def _next_batch(self) -> Batch:
        upto = self._then[0][0] if self._then else len(self._chunks)
        count = cut(self._chunks[:upto])
        taken, self._chunks = self._chunks[:count], self._chunks[count:]
        self._then = [(place - count, change) for place, change in self._then]
        batch = Batch(taken, self._log)
        self._log.let_go(batch.leaving)
        return batch

    # --- appending --------------------------------------------------------------------------------------------------

    async def _store(self, batch: Batch) -> None:
        weight = sum(chunk.weight for chunk in batch.chunks)
        doubtful = False  # whether it was sent and no answer came
        rejection: str | None = None
        heads: list[ThreadHead] = []
        wait_s = _FIRST_WAIT_S
        while batch.chunks:
            try:
                async with asyncio.timeout(self.answer_s):
                    connection = self._connection or await self._connected()
                    if doubtful and await connection.fetchval(IS_STORED, *batch.marks()):
                        break
                    if rejection is None:
                        append = await self._with_blobs(connection) if batch.has_blobs else self._append
                        told = self._process_id, self._now_ms()
                        if batch.writes:
                            await append_with_state(connection, append, batch, *told, doubtful=doubtful)
                        else:
                            await append.fetchval(*batch.arguments(*told))
                        break
            except TROUBLE as trouble:
                state = getattr(trouble, "sqlstate", None) or ""
                if state == REJECTED_STATE:
                    rejection = getattr(trouble, "detail", "{}")
                elif is_lost(trouble):
                    doubtful = True
                    self._lose(trouble)
                elif state not in REPEATABLE and not state.startswith(_PASSING):
                    raise
                if rejection is None:
                    await asyncio.sleep(wait_s)
                    wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                if doubtful:  # its first sending may have been under way still: that is looked at before it is refused
                    continue
            if rejection is not None:
                heads += batch.reject(rejection)
                rejection, doubtful = None, False
        self.lost = False
        self.waiting_bytes -= weight
        if batch.chunks:
            self.commits += 1
            self.rows += len(batch.chunks)
            batch.note_stored()
            self._log.on_stored(batch.chunks, [])
        if heads:
            self._log.on_rejected(batch.rejected, heads)

    async def _connected(self) -> asyncpg.Connection:
        try:
            connection = await self._connect()
        except TROUBLE as trouble:  # whatever it says, there is no database for us at this moment
            raise ConnectionError(f"PostgreSQL cannot be reached ({type(trouble).__name__})") from trouble
        self._append = await connection.prepare(APPEND)
        self._connection = connection
        return connection

    async def _with_blobs(self, connection: asyncpg.Connection) -> Any:
        if self._append_with_blobs is None:
            self._append_with_blobs = await connection.prepare(APPEND_WITH_BLOBS)
        return self._append_with_blobs

    def _lose(self, trouble: BaseException) -> None:
        if not self.lost:
            _LOG.warning(
                "lost the connection to the database; runs continue, and are stored when it is back", exc_info=trouble
            )
        self.lost = True
        self._drop()
        waiting, self._then = self._then, []
        for _, change in waiting:  # who asked for it is waiting, and better told
            self._log.change_failed(change, _GONE)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = self._append = self._append_with_blobs = None

    # --- changing ---------------------------------------------------------------------------------------------------

    async def _make(self, change: Change) -> None:
        try:
            connection = self._connection or await self._connected()
            async with connection.transaction():
                await change(connection)
        except TROUBLE as trouble:
            if is_lost(trouble):
                self._drop()
            self._log.change_failed(change, unavailable(trouble))
        except Exception as fault:
            self._log.change_failed(change, fault)
        else:
            self._log.on_stored([], [change])
