"""Short words to write into an event log, and a record of what it published: for the tests of every adapter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.history import Chunk, OnCommit, RunObserver, RunRecord, StoredRun, ThreadHead
from netra_backend.app.ports import EventLog

from .clock import START_MS
from .ids import new_id


@dataclass(frozen=True, slots=True)
class Told:
    """One chunk as it was published; ``durable`` is what its thread's head said at that moment."""

    thread_id: str
    run_id: str
    first: int
    frames: tuple[bytes, ...]
    durable: int


class LogStory:
    """Hand ``publish`` and ``failed`` to the log, then ``tell`` the story with it."""

    def __init__(self) -> None:
        self.published: list[Told] = []
        self.groups: list[int] = []
        self.failures: list[BaseException] = []
        self._log: EventLog | None = None

    def publish(self, chunks: Sequence[Chunk]) -> None:
        """Keep what the log says is committed; ``groups`` has the number of chunks of each call."""
        self.groups.append(len(chunks))
        for chunk in chunks:
            head = chunk.head
            self.published.append(
                Told(head.thread_id, chunk.run.run_id, chunk.first, tuple(chunk.frames), head.durable)
            )

    def failed(self, error: BaseException) -> None:
        """Keep what the log fails with."""
        self.failures.append(error)

    @property
    def log(self) -> EventLog:
        """The log that the story is told with."""
        assert self._log is not None, "tell(log) comes first"
        return self._log

    def tell(self, log: EventLog) -> None:
        """From now on with this log."""
        self._log = log

    def thread(self, owner: str = "user_ada", title: str = "A title", now_ms: int = START_MS) -> ThreadHead:
        """A new thread."""
        return self.log.create(owner, new_id("thr"), f"epoch-{owner}", title, now_ms)

    def run(
        self,
        head: ThreadHead,
        *,
        key: str | None = None,
        created_ms: int = START_MS,
        observer: RunObserver | None = None,
    ) -> RunRecord:
        """A new run of the thread, without events."""
        return RunRecord(head, new_id("run"), new_id("req"), "golden", key, "UTC", created_ms, observer)

    def write(
        self,
        run: RunRecord,
        text: str = "",
        *,
        ends: bool = False,
        on_commit: OnCommit | None = None,
        blobs: Sequence[Blob] = (),
    ) -> bytes:
        """Append one event, whose bytes tell its position, run and text."""
        seq = run.head.top + 1
        frame = json.dumps({"seq": seq, "run": run.run_id, "text": text}, separators=(",", ":")).encode()
        self.log.append(run, frame, ends=ends, on_commit=on_commit, blobs=blobs)
        return frame

    async def ended(self, owner: str = "user_ada", *texts: str, key: str | None = None) -> RunRecord:
        """A run that has ended, in a thread of its own, committed."""
        run = self.run(self.thread(owner), key=key)
        for text in texts:
            self.write(run, text)
        self.write(run, ends=True)
        await self.log.durable(run)
        return run

    async def begun_at(self, created_ms: int, owner: str, key: str) -> RunRecord:
        """A run with one event, in a thread of its own, that its owner's key began at that time; committed."""
        run = self.run(self.thread(owner), key=key, created_ms=created_ms)
        self.write(run)
        await self.log.durable(run)
        return run

    async def head(self, run: RunRecord) -> ThreadHead:
        """The head of a run's thread, as the log finds it now."""
        head = await self.log.find(run.head.thread_id)
        assert head is not None
        return head

    async def stored(self, run: RunRecord) -> StoredRun:
        """The run, as the log finds it now."""
        stored = await self.log.run(run.run_id)
        assert stored is not None
        return stored

    async def hold(self, run: RunRecord) -> RunRecord:
        """Take hold of the thread of another process's run, to go on with that run here."""
        head = await self.head(run)
        await self.log.acquire(head)
        again = RunRecord(head, run.run_id, run.request_id, run.agent, None, "UTC", run.created_ms)
        again.seq, again.stored = run.seq, True
        return again

    async def read(self, head: ThreadHead, after: int = 0, upto: int | None = None) -> list[bytes]:
        """Committed frames, whatever the pages."""
        last = head.durable if upto is None else upto
        return [frame async for page in self.log.pages(head, after, last) for frame in page]


def positions(frames: Sequence[bytes]) -> list[int]:
    """The positions that frames of ``write`` tell."""
    return [json.loads(frame)["seq"] for frame in frames]
