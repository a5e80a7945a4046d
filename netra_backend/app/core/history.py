"""The heads of histories: who owns a thread, which position comes next, and what waits to be committed.

``seq`` is given out here, from memory, by the one who may append to the thread. An event is part of the history from then
on; it is told to nobody before it is committed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

Refused = Literal["fenced", "key_taken", "thread_taken"]
"""Why a store took nothing of a chunk: the thread has another holder since, or the run's idempotency key began another run,
or a new thread's id is another thread's."""

MAX_CHUNK_BYTES: Final = 262_144
FRAME_WEIGHT: Final = 1024
"""What a frame counts for in a chunk beyond its bytes: at most 256 frames stand in one."""


class HeldElsewhere(Exception):
    """Another living process holds the thread: what is asked for is to be done there."""

    def __init__(self, process_id: str) -> None:
        super().__init__(f"held by {process_id}")
        self.process_id = process_id


class ThreadHead:
    """A thread as its one writer sees it.

    ``top`` is the newest position given out, ``durable`` the newest one committed, ``oldest`` the first one still kept.
    ``key`` is the store's own number for the thread, ``row`` its newest row (both belong to the store). ``lines`` are the
    runs of this thread that have not ended, the first of which may go on.

    ``fence`` numbers the holders of the thread, one after the other: the processes that may append to it. 0 where this
    process is not the holder.
    """

    __slots__ = (
        "chunk",
        "durable",
        "epoch",
        "fence",
        "key",
        "lines",
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
        self.lines: list[RunRecord] = []


class RunRecord:
    """A run as its thread's writer sees it. ``key`` is the client's idempotency key.

    ``refused`` is called on the loop by ``refuse``. ``stored`` belongs to the store: the run's first chunk was sent there.
    """

    __slots__ = (
        "agent",
        "created_ms",
        "ended",
        "head",
        "key",
        "refused",
        "request_id",
        "run_id",
        "seq",
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
    ) -> None:
        self.head = head
        self.run_id = run_id
        self.request_id = request_id
        self.agent = agent
        self.key = key
        self.timezone = timezone
        self.created_ms = created_ms
        self.seq = 0
        self.ended = False
        self.stored = False
        self.refused: Callable[[Refused], None] | None = None


class Chunk:
    """Adjacent events of one run that are committed together: ``first`` is the position of the first of ``frames``. Bounded,
    so that it can be stored, read and sent as a whole.

    ``before`` is called on the loop once they are committed and before they are delivered. ``fence`` is the head's of the
    moment when it was begun: a store that knows a newer one takes nothing of it.
    """

    __slots__ = ("before", "ends", "fence", "first", "frames", "head", "run", "weight")

    def __init__(self, run: RunRecord, first: int) -> None:
        self.head = run.head
        self.run = run
        self.first = first
        self.fence = run.head.fence
        self.frames: list[bytes] = []
        self.weight = 0
        self.ends = False
        self.before: list[Callable[[], None]] | None = None

    @property
    def last(self) -> int:
        """The position of the last frame."""
        return self.first + len(self.frames) - 1


def append(run: RunRecord, frame: bytes) -> Chunk | None:
    """Add one event's bytes to the history of its run's thread.

    The event's ``seq`` must be ``run.head.top + 1``. Returns a chunk where a new one was begun (none is open, the open one is
    of another run, or full): the caller has it committed at the end of this turn of the loop, after ``seal``.
    """
    head = run.head
    chunk = head.chunk
    head.top += 1
    if chunk is not None and chunk.run is run and chunk.weight < MAX_CHUNK_BYTES:
        chunk.frames.append(frame)
        chunk.weight += len(frame) + FRAME_WEIGHT
        return None
    chunk = head.chunk = Chunk(run, head.top)
    chunk.frames.append(frame)
    chunk.weight = len(frame) + FRAME_WEIGHT
    return chunk


def seal(chunk: Chunk) -> None:
    """Take no more frames into this chunk."""
    if chunk.head.chunk is chunk:
        chunk.head.chunk = None


def refuse(chunk: Chunk, why: Refused) -> None:
    """The store took nothing of this chunk, and takes nothing that comes after it in its run.

    Called on the loop instead of ``before``. The run has ended here from then on; its ``refused`` is called once.
    """
    run = chunk.run
    call, run.refused, run.ended = run.refused, None, True
    if call is not None:
        call(why)
