"""The audit trail in PostgreSQL (``ports.Audit``): written in groups, from memory, while the server goes on.

All processes that have the same key write one chain. Who appends a group holds a lock of the database for that one transaction;
who records waits for nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import islice
from typing import Any, Final

import asyncpg

from ...core.audit_chain import Statement, Verdict
from ...core.errors import DependencyUnavailable, IsolationRefused
from ...core.fair_turns import NOBODY
from ...core.limits import USUAL, Limits
from ...ports import Clock
from ...services.shared_threads import OPERATING
from ..audit.place import Place
from ..audit.rows import UNWRITABLE, Record, bounded, named, shown, subjects_in
from ..audit.subjects import require_own
from ..audit.verification import TAIL, BrokenTrail, require_intact, stands, verify
from ..audit.watch import TrailWatch
from .audit_rows import (
    Head,
    adopt,
    append,
    checkpoint_of,
    cut,
    forget,
    head_of,
    lines_of,
    lock,
    owners_of,
    reading_trail,
    row_up_to,
    seal_subjects,
)
from .connection import TROUBLE, name_owner, unavailable

_BATCH: Final = 200  # small enough that sealing what it holds keeps nobody on the loop waiting
_AGAIN_S: Final = 1.0
_CLOSE_S: Final = 5.0
_WHERE: Final = "PostgreSQL"
_SELECT: Final = """
SELECT id, at, event, point, detail FROM audit
WHERE subject = ANY ($1::text[]) AND chain = $2 AND id < $3
ORDER BY id DESC LIMIT $4
"""

_LOG: Final = logging.getLogger(__name__)


class PostgresAudit:
    """Records wait in memory, bounded, until they are stored: also while the database is away. Make with ``open``."""

    def __init__(
        self,
        url: str,
        writer: asyncpg.Pool,
        reader: asyncpg.Pool,
        place: Place,
        clock: Clock,
        limits: Limits = USUAL,
    ) -> None:
        self.recorded = 0
        self.dropped = 0
        self._url = url
        self._writer = writer
        self._reader = reader
        self._keys = place.keys
        self._anchor = place.anchor
        self._clock = clock
        self._limits = limits
        self._room = limits.audit_waiting
        self._watch = TrailWatch()
        self._waiting: deque[Record] = deque()
        self._settled = 0  # how many records are stored or lost
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[None] | None = None
        self._seen: Statement | None = None  # the newest row that this process has appended or found
        self._anchored: Statement | None = None
        self._anchoring: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    async def open(
        cls,
        url: str,
        writer: asyncpg.Pool,
        reader: asyncpg.Pool,
        place: Place,
        clock: Clock,
        limits: Limits = USUAL,
    ) -> PostgresAudit:
        """A trail whose end was looked at, back to its newest anchor. Raises ``ConfigurationError`` if its chain is broken,
        ``DependencyUnavailable`` where database or anchor cannot be read."""
        audit = cls(url, writer, reader, place, clock, limits)
        async with audit._appending() as connection:
            await adopt(connection, place.keys, clock.now_ms())
        require_intact(await audit._look(TAIL), _WHERE)
        async with audit._appending() as connection:
            await seal_subjects(connection, place.keys, clock.now_ms())
            audit._see(*(await head_of(connection, place.keys))[:2])
        await audit._set_anchor()
        audit._watch.start(audit.verdict)
        return audit

    @property
    def trouble(self) -> str:
        if len(self._waiting) >= self._room:
            return "too many rows wait to be written"
        return self._watch.trouble

    @property
    def broken(self) -> str:
        return self._watch.broken

    async def verdict(self) -> Verdict:
        """Look at the whole chain."""
        return await self._look(None)

    def record(
        self, owner: str | None, event: str, point_id: str | None, detail: Mapping[str, str | int], now_ms: int
    ) -> None:
        if self._closed or len(self._waiting) >= self._room:
            self.dropped += 1
            return
        self.recorded += 1
        self._waiting.append((now_ms, owner, event, point_id, dict(detail)))
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(), name="netra-audit")

    def counts(self) -> Mapping[str, int]:
        return {"rows": self.recorded, "rows_dropped": self.dropped}

    async def rows(self, owner: str, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        await self._store_what_waits()
        try:
            async with self._reader.acquire() as connection, connection.transaction(readonly=True):
                await name_owner(connection, owner)
                own = require_own(self._keys, await lines_of(connection, self._keys.chain, owner))
                asked = own, self._keys.chain, before or 1 << 62, bounded(limit)
                rows = [shown(row) for row in await connection.fetch(_SELECT, *asked)]
            if subjects := subjects_in(rows):
                async with self._writer.acquire() as connection:
                    rows = named(rows, await owners_of(connection, self._keys, subjects))
        except IsolationRefused as refusal:
            self._watch.breaks(refusal.message)
            raise
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
        return rows

    async def pseudonymise(self, owner: str) -> int:
        await self._store_what_waits()
        async with self._turn:
            async with self._appending() as connection:
                await name_owner(connection, owner)
                head = await self._head(connection)
                count, after = await forget(connection, self._keys, owner, head, self._clock.now_ms())
            self._appended(after)
        return count

    async def trim(self, before_ms: int) -> int:
        await self._watch.require_verified()
        try:
            async with self._appending() as connection:
                return await cut(connection, self._keys, before_ms, self._clock.now_ms())
        except BrokenTrail as fault:
            self._watch.breaks(str(fault))
            raise DependencyUnavailable(f"No rows of the audit trail are removed: {fault}.") from fault

    async def close(self) -> None:
        if self._closed:
            return
        await self._watch.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._store_what_waits()
        except Exception as trouble:
            self._lose(len(self._waiting), trouble)
            self._waiting.clear()
        self._closed = True
        tasks = [task for task in (self._writing, self._anchoring) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._set_anchor()

    # --- storing ----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _appending(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction in which nobody else appends. Raises ``DependencyUnavailable``."""
        try:
            async with self._writer.acquire() as connection, connection.transaction():
                await lock(connection)
                yield connection
        except asyncpg.DataError:  # the content's fault
            raise
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble

    async def _write(self) -> None:
        """The task: store until nothing waits; try again for as long as that fails, for whatever reason."""
        while self._waiting:
            try:
                await self._store_what_waits()
            except Exception:  # a trouble by now, and told
                await asyncio.sleep(_AGAIN_S)
        self._writing = None

    async def _store_what_waits(self) -> None:
        """Store all that was recorded before the call. Raises ``DependencyUnavailable``, and keeps it."""
        if self._closed:
            raise DependencyUnavailable("The audit trail is closed.")
        target = self._settled + len(self._waiting)
        async with self._turn:
            while self._settled < target:
                # What is being stored goes on waiting: where its outcome is not known it is stored again, never lost.
                batch = list(islice(self._waiting, _BATCH))
                try:
                    await self._store(batch)
                except asyncpg.DataError as fault:  # would fail again and again
                    self._lose(len(batch), fault)
                except Exception as fault:
                    self._watch.fails("rows", fault)
                    raise
                for _ in batch:
                    self._waiting.popleft()
                self._settled += len(batch)
                self._watch.works("rows")

    async def _store(self, batch: list[Record]) -> None:
        async with self._appending() as connection:
            head = await self._head(connection)
            after = await append(connection, self._keys, batch, head)
        self._appended(after)
        if (lost := len(batch) - after.appended) > 0:
            self._lose(lost, UNWRITABLE)

    def _appended(self, after: Head) -> None:
        """The chain stands there: let the anchor follow."""
        self._see(after.last, after.seal)
        if self._anchoring is None:
            self._anchoring = asyncio.get_running_loop().create_task(self._anchor_soon(), name="netra-audit-anchor")

    async def _head(self, connection: asyncpg.Connection) -> Head:
        """Where the chain stands; it breaks if the newest row that this process knows is gone."""
        head, seen = await head_of(connection, self._keys), self._seen
        is_newest = seen is not None and (head.last, head.seal) == (seen.id, seen.seal)
        if seen is not None and not is_newest and not await self._stands(connection, seen):
            self._watch.breaks(f"row {seen.id}, which this process knows, is gone or was changed")
        return head

    async def _stands(self, connection: asyncpg.Connection, named: Statement) -> bool:
        row = await row_up_to(connection, self._keys.chain, named.id)
        return stands(named, await checkpoint_of(connection, self._keys.chain), row)

    def _see(self, last: int, seal: bytes) -> None:
        self._seen = self._keys.state("anchor", last, seal, 0, self._clock.now_ms())

    def _lose(self, count: int, fault: object) -> None:
        self.dropped += count
        _LOG.error("%d audit rows were lost: %s", count, fault)

    # --- looking and anchoring --------------------------------------------------------------------------------------

    async def _look(self, tail: int | None) -> Verdict:
        try:
            anchors = await OPERATING.run(NOBODY, self._anchor.read)
            async with reading_trail(self._url, self._limits) as reader:
                return await verify(reader, self._keys, anchors, tail=tail)
        except (OSError, ValueError, *TROUBLE) as fault:
            raise DependencyUnavailable(f"The audit trail cannot be read ({type(fault).__name__}).") from fault

    async def _anchor_soon(self) -> None:
        """The task: name the newest row, now and, while more come, not too often."""
        while self._anchored is not self._seen and not self._watch.broken:
            is_set = await self._set_anchor()
            await asyncio.sleep(self._anchor.every_s if is_set else min(self._anchor.every_s, _AGAIN_S))
        self._anchoring = None

    async def _set_anchor(self) -> bool:
        """Let the anchor name the newest row, unless what it names now is gone; whether that could be done."""
        seen = self._seen
        if seen is None or seen is self._anchored or self._watch.broken:
            return True
        try:
            old = [each for each in await OPERATING.run(NOBODY, self._anchor.read) if each.chain == self._keys.chain]
            for each in old:
                async with self._writer.acquire() as connection:
                    if not await self._stands(connection, each):
                        self._watch.breaks(f"row {each.id}, which the anchor names, is gone or was changed")
                        return True
            await OPERATING.run(NOBODY, partial(self._anchor.write, seen))
        except Exception as fault:
            self._watch.fails("anchor", type(fault).__name__ if isinstance(fault, asyncpg.PostgresError) else fault)
            return False
        self._anchored = seen
        self._watch.works("anchor")
        return True
