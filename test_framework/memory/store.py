"""What an in-memory event log keeps while processes come and go: threads, runs and idempotency keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import nsmallest

from netra_backend.app.core import history
from netra_backend.app.core.api_keys import ApiKey
from netra_backend.app.core.blobs import Blob
from netra_backend.app.core.budgets import Amount, ModelUse
from netra_backend.app.core.files import StoredFile
from netra_backend.app.core.history import Chunk, ListedRun, RunPlace, StoredRun, StoredThread, ThreadHead
from netra_backend.app.core.state import StateWrite, digest_of
from netra_backend.app.secret_ports import SealedSecret

from .ownership import ThreadOwnership


class FencedOff(RuntimeError):
    """Another log was opened over this store since: this one's process counts as dead and may write nothing more."""


@dataclass(slots=True)
class KeptThread:
    """One thread; ``rows`` are (run_id, frame) from position ``oldest`` on. A deleted one has the owner ``""``."""

    thread_id: str
    owner: str
    epoch: str
    title: str
    created_ms: int
    updated_ms: int = 0
    oldest: int = 1
    rows: list[tuple[str, bytes]] = field(default_factory=list)
    blobs: dict[str, Blob] = field(default_factory=dict)

    @property
    def top(self) -> int:
        """The newest position."""
        return self.oldest + len(self.rows) - 1

    def frames(self, after: int, upto: int) -> Iterator[bytes]:
        """The frames with ``after`` < seq <= ``upto``, in order."""
        first = max(after + 1 - self.oldest, 0)
        return (frame for _, frame in self.rows[first : max(upto + 1 - self.oldest, 0)])

    def as_stored(self) -> StoredThread:
        """The thread as its owner lists it."""
        return StoredThread(
            self.thread_id, self.epoch, self.title, self.created_ms, self.updated_ms, self.oldest, self.top
        )


@dataclass(slots=True)
class KeptFile:
    """One file and its parts; ``stored.thread_id`` is the thread of the run that it is reserved for."""

    stored: StoredFile
    parts: list[bytes] = field(default_factory=list)
    finished: bool = False
    run_id: str = ""
    reserved_ms: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Rename:
    """Give a thread another title."""

    thread_id: str
    title: str


@dataclass(frozen=True, slots=True, eq=False)
class Deletion:
    """Delete threads; their ids stay taken."""

    thread_ids: Sequence[str]
    owner: str = ""
    """Whose files go as well."""


@dataclass(frozen=True, slots=True, eq=False)
class Expiry:
    """Let go of idempotency keys (owner and key) where they are that old still."""

    requests: Sequence[tuple[str, str]]
    before_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """Let go of threads that are still held under these fences."""

    held: Sequence[tuple[str, int]]


Change = Rename | Deletion | Expiry | Release


class MemoryStore:
    """Survives the logs that are opened over it, as a database survives its server's processes.

    Logs that have it for themselves, one after the other, call ``take_fence``: only the newest fence may commit. Logs that
    share it go by its ``ownership``.
    """

    def __init__(self) -> None:
        self.threads: dict[str, KeptThread] = {}
        self.runs: dict[str, StoredRun] = {}
        self.requests: dict[tuple[str, str], tuple[str, int]] = {}
        self.files: dict[str, KeptFile] = {}
        self.model_uses: dict[tuple[str, str, int], ModelUse] = {}
        self.spend: dict[tuple[str, str], Amount] = {}
        self.values: dict[tuple[str, str, str], tuple[bytes, int]] = {}
        """By owner, thread and key: a value that an agent keeps, and when it was written."""
        self.secrets: dict[tuple[str, str], tuple[SealedSecret, int]] = {}
        """By owner and name, and when they were stored."""
        self.mcp_servers: dict[tuple[str, str], tuple[SealedSecret, int]] = {}
        self.api_keys: dict[str, ApiKey] = {}
        """By their ids."""
        self.ownership = ThreadOwnership()
        self._fence = 0

    def take_fence(self) -> int:
        """Be the only one who may commit from now on."""
        self._fence += 1
        return self._fence

    def copy(self) -> MemoryStore:
        """A backup, independent of this store."""
        other = MemoryStore()
        other.threads = {
            key: replace(thread, rows=list(thread.rows), blobs=dict(thread.blobs))
            for key, thread in self.threads.items()
        }
        other.files = {key: replace(file, parts=list(file.parts)) for key, file in self.files.items()}
        other.model_uses, other.spend = dict(self.model_uses), dict(self.spend)
        other.values = dict(self.values)
        other.secrets, other.mcp_servers = dict(self.secrets), dict(self.mcp_servers)
        other.api_keys = dict(self.api_keys)
        other.runs = dict(self.runs)
        other.requests = dict(self.requests)
        return other

    def commit(self, fence: int, work: Iterable[Chunk | Change], now_ms: int) -> None:
        """Store chunks and changes in order. Raises ``FencedOff``; nothing is stored then."""
        self.check_fence(fence)
        for item in work:
            self.put(item, now_ms)

    def put(self, item: Chunk | Change, now_ms: int) -> None:
        """Store one chunk or change, whoever's it is."""
        if isinstance(item, Chunk):
            self._store(item, now_ms)
        elif isinstance(item, Rename):
            if item.thread_id in self.threads:
                self.threads[item.thread_id].title = item.title
        elif isinstance(item, Deletion):
            for thread_id in item.thread_ids:
                self._delete(thread_id)
            self.files = {key: file for key, file in self.files.items() if file.stored.owner != item.owner}
            self.model_uses = {key: use for key, use in self.model_uses.items() if use.owner != item.owner}
            self.values = {place: kept for place, kept in self.values.items() if place[0] != item.owner}
            self.secrets = {place: kept for place, kept in self.secrets.items() if place[0] != item.owner}
            self.mcp_servers = {place: kept for place, kept in self.mcp_servers.items() if place[0] != item.owner}
            self.api_keys = {key_id: key for key_id, key in self.api_keys.items() if key.owner != item.owner}
        elif isinstance(item, Expiry):
            for request in item.requests:
                if request in self.requests and self.requests[request][1] < item.before_ms:
                    del self.requests[request]
        else:
            for thread_id, held in item.held:
                if self.ownership.fence(thread_id) == held:
                    self.ownership.let_go(thread_id)

    def check_fence(self, fence: int) -> None:
        """Raises ``FencedOff`` where another fence was taken since."""
        if fence != self._fence:
            raise FencedOff("another process has taken this store over")

    def _store(self, chunk: Chunk, now_ms: int) -> None:
        head, run = chunk.head, chunk.run
        thread = self.threads.get(head.thread_id)
        if thread is None:
            thread = KeptThread(head.thread_id, head.owner, head.epoch, head.title, run.created_ms)
            self.threads[head.thread_id] = thread
        for write in chunk.writes or ():
            self._write(write, now_ms)
            history.settle(chunk, write)
        at = chunk.first - thread.oldest
        thread.rows[at : at + len(chunk.frames)] = [(run.run_id, frame) for frame in chunk.frames]
        thread.updated_ms = now_ms
        for blob in chunk.blobs or ():
            thread.blobs.setdefault(blob.ref, blob)
        known = self.runs.get(run.run_id)
        if known is None:
            known = StoredRun(
                run.run_id,
                thread.owner,
                thread.thread_id,
                run.agent,
                run.request_id,
                run.timezone,
                run.created_ms,
                chunk.first,
                0,
            )
            if run.key is not None:
                self.requests[thread.owner, run.key] = (run.run_id, run.created_ms)
        self.runs[run.run_id] = replace(known, ended_seq=chunk.last) if chunk.ends else known

    def _write(self, write: StateWrite, now_ms: int) -> None:
        place = write.owner, write.thread_id, write.key
        stored = self.values.get(place)
        keys = sum(each[:2] == place[:2] for each in self.values)
        if write.judge(digest_of(stored[0]) if stored else "", keys) != "written":
            return
        if write.value is None:
            self.values.pop(place, None)
        else:
            self.values[place] = write.value, now_ms

    def _delete(self, thread_id: str) -> None:
        thread = self.threads.get(thread_id)
        if thread is None:
            return
        runs = {run_id for run_id, run in self.runs.items() if run.thread_id == thread_id}
        place = (thread.owner, thread_id)
        self.files = {key: f for key, f in self.files.items() if (f.stored.owner, f.stored.thread_id) != place}
        self.values = {each: kept for each, kept in self.values.items() if each[:2] != place}
        self.runs = {run_id: run for run_id, run in self.runs.items() if run_id not in runs}
        self.requests = {key: found for key, found in self.requests.items() if found[0] not in runs}
        self.threads[thread_id] = KeptThread(thread_id, "", "", "", thread.created_ms)

    def head(self, thread_id: str, *, fence: int = 1) -> ThreadHead | None:
        """A new head of the thread as it is stored."""
        thread = self.threads.get(thread_id)
        if thread is None:
            return None
        head = ThreadHead(
            thread.owner,
            thread_id,
            thread.epoch,
            0,
            top=thread.top,
            oldest=thread.oldest,
            title=thread.title,
            fence=fence,
        )
        head.stored = True
        return head

    def blobs(self, owner: str, thread_id: str) -> dict[str, Blob]:
        """The blobs of the owner's thread."""
        thread = self.threads.get(thread_id)
        return thread.blobs if thread is not None and thread.owner == owner else {}

    def is_current(self, thread_id: str, fence: int) -> bool:
        """Whether who has this fence may append to the thread."""
        return fence == (self.ownership.fence(thread_id) or 1)

    def unfinished(self, thread_id: str | None = None) -> list[StoredRun]:
        """The runs that did not end, of all threads or of one; those of one thread in their order."""
        found = [run for run in self.runs.values() if not run.ended_seq and thread_id in (None, run.thread_id)]
        return sorted(found, key=lambda run: run.seq)

    def requests_after(self, after: tuple[str, str], most: int) -> list[tuple[str, str, int]]:
        """Owner, key and time of the idempotency keys that come next in their order."""
        return [
            (*request, self.requests[request][1])
            for request in nsmallest(most, (r for r in self.requests if r > after))
        ]

    def listed(self, owner: str, search: str, before: tuple[int, str] | None) -> list[StoredThread]:
        """The owner's threads, newest first; with ``before`` only those that come after this moment and id."""
        mine = [
            thread.as_stored()
            for thread in self.threads.values()
            if thread.owner == owner
            and search.lower() in thread.title.lower()
            and (before is None or (thread.updated_ms, thread.thread_id) < before)
        ]
        return sorted(mine, key=lambda thread: (thread.updated_ms, thread.thread_id), reverse=True)

    def listed_runs(self, owner: str, thread_id: str, after: RunPlace | None) -> list[ListedRun]:
        """The owner's runs, of the newest thread first; with ``after`` only those that follow this place."""
        found: list[ListedRun] = []
        threads = self.listed(owner, "", None)
        if after is not None:
            rest = [each for each in threads if (each.updated_ms, each.thread_id) < (after.updated_ms, after.thread_id)]
            threads = [each for each in threads if each.thread_id == after.thread_id] + [
                each for each in rest if each.thread_id != after.thread_id
            ]
        for thread in threads:
            if thread_id in ("", thread.thread_id):
                below = after.seq if after is not None and after.thread_id == thread.thread_id else thread.top + 1
                found += self._runs_of(thread, below)
        return found

    def _runs_of(self, thread: StoredThread, below: int) -> list[ListedRun]:
        last = dict(self.threads[thread.thread_id].rows)
        runs = [run for run in self.runs.values() if run.thread_id == thread.thread_id and run.seq < below]
        runs.sort(key=lambda run: run.seq, reverse=True)
        return [ListedRun(run, thread.updated_ms, last[run.run_id]) for run in runs]
