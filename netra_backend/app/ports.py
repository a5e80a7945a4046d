"""What the inside asks of the outside: one Protocol for each job that an adapter does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from .core.blobs import Blob, BlobRef
from .core.errors import NetraError
from .core.frames import ExecuteAgent, ServerFrame
from .core.history import Chunk, ListedRun, Moved, OnCommit, RunPlace, RunRecord, StoredRun, StoredThread, ThreadHead
from .core.model_part import ModelPart
from .core.peer_messages import WaitingQuestion
from .core.questions import Said
from .core.quotas import Counts
from .state_ports import StateStore


class Clock(Protocol):
    """The time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""


class Entropy(Protocol):
    """Unpredictable bytes."""

    def take(self, count: int) -> bytes:
        """``count`` bytes of a cryptographic source."""


class Counted(Protocol):
    """What counts what it does."""

    def counts(self) -> Mapping[str, int]:
        """How often each thing has happened since the start."""


class LiveConnection(Protocol):
    """A connection as services see it."""

    @property
    def user_id(self) -> str:
        """Whose it is."""

    @property
    def is_live(self) -> bool:
        """Whether its socket is open and authenticated."""


class Requester(Protocol):
    """Who asks: a connection of this process, one whose socket ends in another, or somebody over HTTP, without a socket."""

    @property
    def connection_id(self) -> str | None:
        """``None`` if there is no socket in this process."""

    @property
    def user_id(self) -> str:
        """Whose it is."""

    @property
    def scopes(self) -> frozenset[str]:
        """What its sign-in permits."""

    @property
    def plan(self) -> str:
        """The plan that its sign-in names; empty if it names none."""

    @property
    def agents(self) -> frozenset[str]:
        """The agents that its sign-in may ask; empty if it may ask all."""

    def say(self, frame: ServerFrame) -> None:
        """Send it this frame."""

    def refuse(self, error: NetraError, id: str | None = None) -> None:
        """Send it this error, as the answer to its request ``id``."""


class ConnectionPool(Protocol):
    """The connections of this process."""

    def find(self, connection_id: str) -> LiveConnection | None:
        """The connection of that id."""


class AgentRegistry(Protocol):
    """The agents of this process."""

    def names(self) -> tuple[str, ...]:
        """The names that can be run."""


class EventLog(Counted, Protocol):
    """The event log: the single source of truth.

    Appending never waits. Events are committed in groups and handed to ``publish`` after their commit, in order. A failed
    commit is never retried: the log is ``failed``, accepts nothing more (``DependencyUnavailable``), and the process must
    end. A store behind a network may be lost and come back: events wait for it, within a bound.

    If several processes share one store, one at a time holds a thread and may append to it: while the thread has runs that
    have not ended, and as long as the holder lives. A log that has its store for itself holds every thread.
    """

    failed: bool

    @property
    def state(self) -> StateStore:
        """The values that agents keep."""

    def known(self, thread_id: str) -> ThreadHead | None:
        """The head if it is in memory; ``None`` says nothing about the store."""

    async def find(self, thread_id: str) -> ThreadHead | None:
        """The head, from memory or the store, or ``None``. A deleted thread's head has the owner ``""``."""

    def create(self, owner: str, thread_id: str, epoch: str, title: str, now_ms: int) -> ThreadHead:
        """A new thread, held by this process; stored with its first event. Raises ``ValueError`` if it is known."""

    async def acquire(self, head: ThreadHead) -> list[StoredRun]:
        """Acquire the right to append; return the previous holder's unfinished runs, in their order: they go on here. On return
        ``head`` is as it is stored and its ``fence`` > 0; if it was deleted its owner is ``""``. All this happens to it in the
        loop iteration in which this returns.

        Does nothing and returns nothing if this process holds the thread already. Raises ``HeldElsewhere``, and
        ``DependencyUnavailable`` if this head is no longer the one in memory."""

    async def release(self, heads: Sequence[ThreadHead]) -> None:
        """Let go of threads, whether or not their runs have ended. Their fences are 0 from the call on, so that nothing can be
        appended; on return what was appended before is committed and others may acquire them. An ``acquire`` waits for it."""

    def forget(self, thread_id: str) -> None:
        """What is in memory of this thread may be old: read it again when needed, unless this process holds and has begun it."""

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
        """Append one event's bytes at ``run.head.top + 1``; ``ends`` ends the run. Raises ``DependencyUnavailable``, also if
        this process does not hold the thread, and what ``core.blobs.check_bounds`` raises.

        ``blobs`` are stored in the event's commit, or rejected with it. Of one body a thread has one blob: the first one's
        media type stays. One that ``may_wait`` does so, briefly, for what its thread appends next: one commit for both.

        Once the event is committed, and before it is published, ``on_commit`` is called; ahead of those of the run's first
        event, ``run.observer.committed``. They are called in the order of the events.

        If the store rejects the event, ``core.history.reject`` is called for its run, in the event's place in the order. The
        head is no longer in memory by then, and the store takes nothing that was appended to it later."""

    async def durable(self, run: RunRecord) -> None:
        """Wait until all that was appended to the run is committed. Raises ``DependencyUnavailable`` if it never will be."""

    def pages(self, head: ThreadHead, after: int, upto: int) -> AsyncIterator[list[bytes]]:
        """The committed frames with ``after`` < seq <= ``upto``, in order, in one pass, in pages of at most 300 or 1 MiB."""

    async def run(self, run_id: str) -> StoredRun | None:
        """A run by its id, whoever owns it: the caller compares the owner."""

    def run_pages(self, run: StoredRun, holding: bytes = b"") -> AsyncIterator[list[bytes]]:
        """As ``pages``, the committed frames of one run; those alone that have the bytes ``holding`` in them."""

    async def run_frames(self, run: StoredRun) -> list[bytes]:
        """All of them at once: for what needs the whole run."""

    async def request(self, owner: str, key: str, since_ms: int) -> StoredRun | None:
        """The run that this owner's idempotency key started since then."""

    async def expire_requests(
        self, before_ms: int, after: tuple[str, str] = ("", "")
    ) -> tuple[int, tuple[str, str] | None]:
        """Let go of idempotency keys that are older than that, whoever's: of a bounded number that come ``after`` this owner
        and key. How many went, and where to go on; ``None`` where there are no more. Their runs stay."""

    async def take_over(self, limit: int) -> list[StoredRun]:
        """Take hold of at most ``limit`` threads that have unfinished runs and no holder; those runs, the ones of a thread in
        their order. Also of those whose holder this process is without knowing it (an answer was lost, or a chunk refused).
        Their heads are new ones, held from the step in which this returns. A log that has its store for itself gives all
        unfinished runs."""

    async def blob(self, owner: str, thread_id: str, ref: str) -> tuple[bytes, str] | None:
        """Body and media type of a committed blob in the owner's thread; ``None`` if the owner has no such thread or blob."""

    async def blob_refs(self, owner: str, thread_id: str, after: str = "") -> list[BlobRef]:
        """The blobs of the owner's thread whose ``ref`` is greater, in order; at most 100. Empty if there are no more."""

    async def holders(self, owner: str) -> dict[str, str]:
        """The owner's unfinished runs that other living processes hold, each with its process."""

    async def moved(self, owners: Sequence[str], since_ms: int) -> list[Moved]:
        """The threads of these owners that have events since then by the store's clock, those of the longest ago first; at most
        1,000. Empty where no other process can have written."""

    async def newest_ms(self) -> int:
        """When the newest event was stored, by the store's clock; 0 if there is none, or no other process can have written."""

    async def threads(
        self, owner: str, *, limit: int, search: str = "", before_ms: int | None = None, before_id: str = ""
    ) -> list[StoredThread]:
        """The owner's threads, newest first, and those of one moment by their ids, last first. With ``before_ms`` only those
        before that moment and, where ``before_id`` is given, those of it whose id is less: so pages miss none."""

    async def runs(
        self, owner: str, *, limit: int, thread_id: str = "", after: RunPlace | None = None
    ) -> list[ListedRun]:
        """The owner's runs, or those of one thread, that follow this place: the most recently written thread first, and of
        each thread the newest run first."""

    async def rename(self, head: ThreadHead, title: str) -> None:
        """Give the thread another title, whoever holds it; committed on return."""

    async def delete_thread(self, head: ThreadHead) -> None:
        """Delete the thread's events and runs; its id stays taken. Nothing can be appended to it from the call on. On return
        it is committed, and its bytes are no longer in the store (in PostgreSQL's pages until VACUUM). Raises
        ``HeldElsewhere``; it is as it was then."""

    async def delete_owner(self, owner: str) -> list[str]:
        """Delete all threads of the owner, as ``delete_thread`` does; their ids. Where others hold one of them it raises
        ``HeldElsewhere``, and is to be called again."""

    async def trim(self, before_ms: int) -> int:
        """Delete threads that had no event since then, as ``delete_thread`` does; how many. One with a run is kept."""

    async def close(self) -> None:
        """Commit what waits, let go of all threads, and stop; nothing is taken from then on."""


class Fleet(Protocol):
    """The other processes of this server. Commands travel here, never events."""

    process_id: str

    async def ask(self, process_id: str, command: bytes) -> bytes:
        """What that process answers. Raises ``DependencyUnavailable`` if no answer comes in time; it may have done it then."""

    def broadcast(self, command: bytes) -> None:
        """Send it to every other process, soon, and without knowing whether it arrives. Never waits and never raises."""

    def serve(self, answer: Callable[[bytes], Awaitable[bytes]], on_message: Callable[[bytes], None]) -> None:
        """Give what others ask to ``answer``, and what they broadcast to ``on_message``; both are called on the loop."""

    async def processes(self) -> list[str]:
        """The living processes, this one included."""


class Peers(Protocol):
    """The other processes of this server, asked about runs. A question is for one of them, and answered ``False`` if that one no
    longer holds the matter. It raises what the other refused it with, and ``DependencyUnavailable`` if no answer comes."""

    @property
    def have_others(self) -> bool:
        """Whether other processes live, as of a moment ago."""

    async def start(self, process_id: str, requester: Requester, frame: ExecuteAgent, thread_id: str) -> bool:
        """Have the process that holds the thread answer this request. A request that came from another process is answered
        that it is not held here, so that its process looks again."""

    async def cancel(self, process_id: str, owner: str, run_id: str) -> bool:
        """Have a run stopped."""

    async def answer(self, process_id: str, owner: str, said: Said, key: str | None, by: str) -> bool:
        """Report the user's answer; it is stored on return."""

    async def questions(self, process_id: str, owner: str) -> Sequence[WaitingQuestion]:
        """The questions that wait there; none if no answer comes."""

    async def end_user(self, process_id: str, owner: str, by: str) -> None:
        """Have the user's runs ended."""

    async def delete_thread(self, process_id: str, owner: str, thread_id: str) -> bool:
        """Have a thread deleted."""

    def forget(self, thread_ids: Sequence[str]) -> None:
        """Notify all that what they have of these threads in memory is old."""

    def offer_work(self) -> None:
        """Notify all that there are runs that nobody holds."""


class Bus(Protocol):
    """Committed events on their way to other processes. It may lose anything: readers of the log see the gap.

    Its constructor takes ``on_message(owner, thread_id, epoch, first, frames)``, which is called on the loop.
    """

    @property
    def connected(self) -> bool:
        """Whether what others publish arrives at the moment."""

    def publish(self, chunks: Sequence[Chunk]) -> None:
        """Send what was committed here. Never waits and never raises; bounded."""

    def follow(self, owner: str) -> None:
        """Receive what other processes commit for this owner."""

    def unfollow(self, owner: str) -> None:
        """Receive no more of it."""


class Presence(Protocol):
    """What users hold at other processes. It may lose everything, and is whole again a moment later."""

    async def exchange(self, mine: Mapping[str, Counts]) -> Mapping[str, Counts]:
        """Say all that users hold here, and learn what they hold elsewhere. Raises ``DependencyUnavailable``."""


class Model(Protocol):
    """A language model. ``name`` is what it is configured as."""

    @property
    def name(self) -> str:
        """Such as ``openai:gpt-4o-mini``."""

    def stream(self, prompt: str, *, system: str, max_tokens: int) -> AsyncGenerator[ModelPart, None]:
        """The answer, in parts. Closing the generator ends the request. Raises ``DependencyUnavailable``."""

    # A model that can choose tools has ``async def provided() -> Any``, too: it as a model of pydantic-ai.


class Ledger(Counted, Protocol):
    """Usage rows of users, kept apart by owner and asked where they lie.

    Every call names its owner, who comes from a context and never from arguments. Answers are plain JSON.
    """

    async def start(self) -> None:
        """Make ready; called once, before anything is asked or imported."""

    async def ask(self, owner: str, question: str, arguments: Mapping[str, Any]) -> Any:
        """Answer one question of ``usage.questions.QUESTIONS`` over the owner's rows, in a child process with bounds.

        Raises ``ToolError`` (``NO_DATA``, ``QUERY_TIMEOUT``, …) and ``QueryRejected``.
        """

    async def import_usage(
        self, owner: str, path: Path, options: Mapping[str, Any], progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        """Import a file whole or not at all; ``progress(done, total)`` is called as it goes (bytes; of Parquet, rows).

        ``options`` are those of ``usage.importers.format.ImportOptions``; with ``preview`` nothing is imported and the answer
        shows what was recognised. The answer is the dataset: counts of accepted and rejected rows with reasons, mapping,
        notes, and ``already_imported`` where the same file was imported in the same way before. Raises ``ToolError``
        (``UNSUPPORTED_FORMAT``, ``BAD_ROWS``, ``INVALID_ARGUMENTS``)."""

    async def datasets(self, owner: str) -> list[dict[str, Any]]:
        """The owner's datasets, oldest first."""

    async def delete_dataset(self, owner: str, dataset_id: str) -> bool:
        """Delete one dataset; whether there was one."""

    async def delete_owner(self, owner: str) -> None:
        """Delete everything of the owner."""

    async def trim(self, before_ms: int) -> int:
        """Delete datasets that were imported before then, whoever's; how many."""

    async def close(self) -> None:
        """End the child processes."""


class Audit(Counted, Protocol):
    """The audit trail: refusals and what happened to identities. Appended only; never a message, a token or a secret."""

    def record(
        self, owner: str | None, event: str, point_id: str | None, detail: Mapping[str, str | int], now_ms: int
    ) -> None:
        """Append a row without waiting. ``owner`` is ``None`` where nobody is known. A full queue drops and counts."""

    async def rows(self, owner: str, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        """The owner's rows with an id below ``before``, newest first, with all that was recorded before the call."""

    async def pseudonymise(self, owner: str) -> int:
        """Delete what leads from the owner's pseudonym to the owner, and change no row; how many rows were the owner's."""

    async def trim(self, before_ms: int) -> int:
        """Remove rows from before then, behind a signed checkpoint; how many."""

    @property
    def trouble(self) -> str:
        """Why rows cannot be written at this moment; empty while they can."""

    @property
    def broken(self) -> str:
        """Where the chain of the rows was found to be broken; empty while it was not."""

    async def close(self) -> None:
        """Write what waits, and stop."""
