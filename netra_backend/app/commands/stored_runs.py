"""The runs in an embedded event log that no server uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from ..adapters.process.clock import SystemClock
from ..adapters.process.data_directory import lock_data_directory, make_data_directory
from ..adapters.sqlite.event_log import SqliteEventLog
from ..core.events import AgentCancelled, AnyEvent, decode_event
from ..core.history import RunPlace, RunRecord
from ..core.limits import USUAL
from ..ports import EventLog
from ..services.event_emitter import UserEventEmitter
from ..services.run_summaries import RunSummary, summary_of
from .common import no_such

_PAGE = 200


@asynccontextmanager
async def stored_runs(data_dir: Path, user: str) -> AsyncIterator[StoredRuns]:
    """The user's runs, while this process holds the data directory. Raises ``ConfigurationError`` if a server does."""
    path = make_data_directory(data_dir) / "events.db"
    lock = lock_data_directory(data_dir)
    try:
        if not path.exists():
            yield StoredRuns(None, user)
            return
        log = SqliteEventLog(path, SystemClock(), asyncio.get_running_loop(), lambda _: None, lambda _: None)
        try:
            yield StoredRuns(log, user)
        finally:
            await log.close()
    finally:
        lock.release()


class StoredRuns:
    """One user's runs in a log; ``None`` is a log that was never written."""

    def __init__(self, log: EventLog | None, user: str) -> None:
        self._log = log
        self._user = user

    async def newest(self, limit: int, thread_id: str) -> list[RunSummary]:
        """Up to ``limit`` runs, of one thread if one is named."""
        if thread_id:
            head = await self._log.find(thread_id) if self._log is not None else None
            if head is None or head.owner != self._user:
                raise no_such("thread")
        found: list[RunSummary] = []
        after: RunPlace | None = None
        while self._log is not None and len(found) < limit:
            most = min(_PAGE, limit - len(found))
            page = await self._log.runs(self._user, limit=most, thread_id=thread_id, after=after)
            found += [summary_of(each) for each in page]
            if len(page) < most:
                break
            after = RunPlace(page[-1].updated_ms, page[-1].run.thread_id, page[-1].run.seq)
        return found

    async def cancel(self, run_id: str) -> AnyEvent:
        """End the run as cancelled by its user, if it has not ended; its last event."""
        stored = await self._log.run(run_id) if self._log is not None else None
        if self._log is None or stored is None or stored.owner != self._user:
            raise no_such("run")
        head = await self._log.find(stored.thread_id)
        if not stored.ended_seq and head is not None:
            run = RunRecord(head, run_id, stored.request_id, stored.agent, None, stored.timezone, stored.created_ms)
            run.seq, run.stored = stored.seq, True
            emitter = UserEventEmitter(
                self._user,
                stored.thread_id,
                None,
                self._log,
                SystemClock(),
                lambda _: None,
                most_bytes=USUAL.event_bytes,  # this one has some hundred
                most_ahead_bytes=USUAL.run_ahead_bytes,
            )
            emitter.bind(run)
            emitter.emit(AgentCancelled, by="user")
            await emitter.durable()
            emitter.close()
        return decode_event((await self._log.run_frames(stored))[-1])

    async def read(self, run_id: str) -> Mapping[str, Any]:
        """One run with its events, as the server's address for runs answers it."""
        stored = await self._log.run(run_id) if self._log is not None else None
        if self._log is None or stored is None or stored.owner != self._user:
            raise no_such("run")
        frames = await self._log.run_frames(stored)
        return {
            "run_id": stored.run_id,
            "thread_id": stored.thread_id,
            "agent": stored.agent,
            "created_ms": stored.created_ms,
            "ended": stored.ended_seq > 0,
            "events": [msgspec.json.decode(frame) for frame in frames],
        }
