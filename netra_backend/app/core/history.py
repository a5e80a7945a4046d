"""The heads of histories: who owns a thread, which position comes next, and what waits to be committed.

``seq`` is given out here, from memory, by the one who may append to the thread. An event is part of the history from then
on; no client gets it before it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from .blobs import Blob
from .state import StateWrite, WriteOutcome

AppendRejection = Literal["fenced", "key_taken", "thread_taken"]
"""Why a store rejected what was appended: the thread has another holder by now, or the run's idempotency key began another
run, or a new thread's id is another thread's."""

NO_BLOBS: Final[tuple[Blob, ...]] = ()

OnCommit = Callable[[], None]
"""Called on the loop once an event is committed, before the event is published."""

MAX_CHUNK_BYTES: Final = 262_144
FRAME_WEIGHT: Final = 1024
"""What a frame, or a blob, counts for in a chunk beyond its bytes: at most 256 frames stand in one."""


class HeldElsewhere(Exception):
    """Another live process holds the thread: the request must be handled there."""

    def __init__(self, process_id: str) -> None:
        super().__init__(f"held by {process_id}")
        self.process_id = process_id


class ThreadHead:
    """A thread as its one writer sees it.

    ``top`` is the newest position given out, ``durable`` the newest one committed, ``oldest`` the first one still kept.
    ``key`` is the store's own number for the thread, ``row`` its newest row (both belong to the store).

    A run of this process that has not ended pins the head: a store keeps the head in memory while it has ``pins``.

    ``fence`` numbers the holders of the thread, one after the other: the processes that may append to it. 0 where this
    process is not the holder.
    """

    __slots__ = (
        "_pinned",
        "chunk",
        "durable",
        "epoch",
        "fence",
        "key",
        "oldest",
        "owner",
        "row",
        "stored",
        "thread_id",
        "title",
        "top",
    )

    def __init__(
        self,
        owner: str,
        thread_id: str,
        epoch: str,
        key: int,
        *,
        top: int = 0,
        oldest: int = 1,
        row: int = 0,
        title: str = "",
        fence: int = 0,
    ) -> None:
        self.owner = owner
        self.thread_id = thread_id
        self.epoch = epoch
        self.key = key
        self.top = top
        self.durable = top
        self.oldest = oldest
        self.row = row
        self.title = title
        self.stored = top > 0
        self.fence = fence
        self.chunk: Chunk | None = None
        self._pinned: dict[RunRecord, None] = {}

    @property
    def pins(self) -> int:
        """How many runs of this process need the head in memory."""
        return len(self._pinned)

    def pin(self, run: RunRecord) -> None:
        """Keep the head in memory for this run, and tell the run if the thread is lost."""
        self._pinned[run] = None

    def unpin(self, run: RunRecord) -> None:
        """The run no longer needs the head. May be called again."""
        self._pinned.pop(run, None)

    def reject_runs(self, why: AppendRejection) -> None:
        """The store takes nothing more of this thread: ``reject`` every run that pins it."""
        for run in list(self._pinned):
            reject(run, why)


class RunObserver(Protocol):
    """What a log reports to about a run. Both are called on the loop, at most once a run."""

    def committed(self, run: RunRecord) -> None:
        """The run's first event is committed. It is published after this returns. Not called once the run was rejected: it may
        have been stored by then, and its thread lost before the log learned of that."""

    def rejected(self, run: RunRecord, why: AppendRejection) -> None:
        """The store rejected something of this run, and takes nothing of it from here on. The run has ended here."""


class RunRecord:
    """A run as its thread's writer sees it. ``key`` is the client's idempotency key, ``seq`` the position of the run's first
    event (0 before it is appended), ``started`` that of its ``agent_started`` (0 until then). ``stored`` belongs to the store:
    the run's first chunk was sent there.
    """

    __slots__ = (
        "agent",
        "created_ms",
        "ended",
        "head",
        "key",
        "observer",
        "rejected",
        "request_id",
        "run_id",
        "seq",
        "started",
        "stored",
        "timezone",
    )

    def __init__(
        self,
        head: ThreadHead,
        run_id: str,
        request_id: str,
        agent: str,
        key: str | None,
        timezone: str,
        created_ms: int,
        observer: RunObserver | None = None,
    ) -> None:
        self.head = head
        self.run_id = run_id
        self.request_id = request_id
        self.agent = agent
        self.key = key
        self.timezone = timezone
        self.created_ms = created_ms
        self.seq = 0
        self.started = 0
        self.ended = False
        self.stored = False
        self.observer = observer
        self.rejected = False


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it is stored. ``seq`` is the position of its ``user_message``; ``ended_seq`` is 0 while it goes on."""

    run_id: str
    owner: str
    thread_id: str
    agent: str
    request_id: str
    timezone: str
    created_ms: int
    seq: int
    ended_seq: int


@dataclass(frozen=True, slots=True)
class StoredThread:
    """A thread as its owner lists it."""

    thread_id: str
    epoch: str
    title: str
    created_ms: int
    updated_ms: int
    oldest: int
    top: int


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run as its owner lists it: ``last`` is the newest of its events, ``updated_ms`` when its thread was last written."""

    run: StoredRun
    updated_ms: int
    last: bytes


@dataclass(frozen=True, slots=True)
class RunPlace:
    """A place in a list of runs: the run that begins at ``seq`` of a thread, which was last written at ``updated_ms``."""

    updated_ms: int
    thread_id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A thread that has events since some moment."""

    owner: str
    thread_id: str
    epoch: str
    top: int
    updated_ms: int


class Chunk:
    """Adjacent events of one run that are committed together: ``first`` is the position of the first of ``frames``. Bounded,
    so that it can be stored, read and sent as a whole. ``blobs`` are those of its events; they are stored with it, never sent.
    ``writes`` are judged when it is stored, in their order; ``settle`` puts what comes of each into ``frames``.

    ``on_commit`` are called in their order once the chunk is committed, before it is published. ``fence`` is the head's of the
    moment when the chunk was begun: a store that knows a newer one rejects the chunk.
    """

    __slots__ = ("blobs", "ends", "fence", "first", "frames", "head", "on_commit", "run", "weight", "writes")

    def __init__(self, run: RunRecord, first: int) -> None:
        self.head = run.head
        self.run = run
        self.first = first
        self.fence = run.head.fence
        self.frames: list[bytes] = []
        self.weight = 0
        self.ends = False
        self.on_commit: list[OnCommit] | None = None
        self.blobs: list[Blob] | None = None
        self.writes: list[StateWrite] | None = None

    @property
    def last(self) -> int:
        """The position of the last frame."""
        return self.first + len(self.frames) - 1


def append(
    run: RunRecord, frame: bytes, on_commit: OnCommit | None = None, blobs: Sequence[Blob] = NO_BLOBS
) -> Chunk | None:
    """Add one event's bytes, and its blobs, to the history of its run's thread.

    The event's ``seq`` must be ``run.head.top + 1``. Returns a chunk if a new one was begun (none is open, the open one is of
    another run or full, or it would be more than full with these blobs): the caller has it committed at the end of this loop
    iteration, after ``seal``.
    """
    head = run.head
    chunk = head.chunk
    head.top += 1
    added = 0
    if blobs:
        for blob in blobs:
            added += len(blob.body) + FRAME_WEIGHT
        if chunk is not None and chunk.weight + added >= MAX_CHUNK_BYTES:
            chunk = None
    if chunk is not None and chunk.run is run and chunk.weight < MAX_CHUNK_BYTES:
        begun = None
    else:
        begun = chunk = head.chunk = Chunk(run, head.top)
        if not run.seq:
            run.seq = head.top
    chunk.frames.append(frame)
    chunk.weight += len(frame) + FRAME_WEIGHT
    if on_commit is not None:
        if chunk.on_commit is None:
            chunk.on_commit = []
        chunk.on_commit.append(on_commit)
    if blobs:
        chunk.weight += added
        if chunk.blobs is None:
            chunk.blobs = []
        chunk.blobs.extend(blobs)
    return begun


def attach(run: RunRecord, write: StateWrite, frames: Mapping[WriteOutcome, bytes]) -> None:
    """Make the event that was just appended to the run depend on what becomes of this write: one of these ``frames``."""
    chunk = run.head.chunk
    assert chunk is not None
    assert chunk.run is run, "called right after the append"
    write.place, write.frames = len(chunk.frames) - 1, frames
    chunk.weight += len(write.value or b"")
    if chunk.writes is None:
        chunk.writes = []
    chunk.writes.append(write)


def settle(chunk: Chunk, write: StateWrite) -> None:
    """The store has judged the write: its event is the one of this outcome."""
    chunk.frames[write.place] = write.frames[write.outcome]


def seal(chunk: Chunk) -> None:
    """Take no more frames into this chunk."""
    if chunk.head.chunk is chunk:
        chunk.head.chunk = None


def report_commits(chunks: Iterable[Chunk]) -> None:
    """Tell observers and ``on_commit`` callbacks that these chunks are committed. Called before the chunks are published."""
    for chunk in chunks:
        run = chunk.run
        if chunk.first == run.seq and run.observer is not None and not run.rejected:
            run.observer.committed(run)
        if chunk.on_commit is not None:
            for call in chunk.on_commit:
                call()


def reject(run: RunRecord, why: AppendRejection) -> None:
    """The store rejected something of this run, and takes nothing of it from here on: the run has ended here.

    Its observer is notified once, no matter how much is rejected.
    """
    run.ended = True
    if not run.rejected:
        run.rejected = True
        if run.observer is not None:
            run.observer.rejected(run, why)
