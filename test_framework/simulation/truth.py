"""What really happened in a simulation: every committed event, every effect on the outside, and what broke a promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

from netra_backend.app.core.history import Chunk
from test_framework.memory.store import MemoryStore

Place = tuple[str, str]
"""A history: thread id and epoch."""


class Truth:
    """Kept outside of every process. ``era`` counts how often a backup was restored: what was after it is no more.

    ``owners`` are those of this era's threads, ``owned`` is every (thread, user) that ever was. ``unwanted`` are the threads that
    were to be deleted at some time, whatever came of it.
    """

    def __init__(self) -> None:
        self.era = 0
        self.owners: dict[str, str] = {}
        self.owned: set[tuple[str, str]] = set()
        self.unwanted: set[str] = set()
        self.histories: dict[Place, dict[int, bytes]] = {}
        self.effects: Counter[tuple[int, str, int]] = Counter()
        self.broken: list[str] = []
        self._digest = sha256()

    def broke(self, what: str) -> None:
        """A promise was broken."""
        if len(self.broken) < 50:
            self.broken.append(what)

    def note(self, what: bytes) -> None:
        """Part of the digest by which two runs are compared."""
        self._digest.update(what)

    @property
    def digest(self) -> str:
        """The same for the same schedule, always."""
        return self._digest.hexdigest()

    def acted(self, run_id: str, number: int) -> None:
        """A tool that is not idempotent did its work."""
        self.effects[self.era, run_id, number] += 1
        if self.effects[self.era, run_id, number] > 1:
            self.broke(f"tools: step {number} of {run_id} acted twice")

    def is_there(self, thread_id: str, user_id: str) -> bool:
        """Whether this user surely has this thread, and had it when what is heard now was said."""
        return not self.era and self.owners.get(thread_id) == user_id and thread_id not in self.unwanted

    def committed(self, thread_id: str, owner: str, epoch: str, first: int, frames: Iterable[bytes]) -> None:
        """These events were stored."""
        if self.owners.setdefault(thread_id, owner) != owner:
            self.broke(f"owners: {thread_id} of {self.owners[thread_id]} was given to {owner}")
        self.owned.add((thread_id, owner))
        history = self.histories.setdefault((thread_id, epoch), {})
        for seq, frame in enumerate(frames, first):
            if history.setdefault(seq, frame) != frame:
                self.broke(f"bytes: {thread_id} has two events at {seq}")


class RecordedStore(MemoryStore):
    """A store whose every commit is noted as the truth."""

    def __init__(self, truth: Truth) -> None:
        super().__init__()
        self._truth = truth

    def _store(self, chunk: Chunk, now_ms: int) -> None:
        super()._store(chunk, now_ms)
        thread = self.threads[chunk.head.thread_id]
        self._truth.committed(thread.thread_id, thread.owner, thread.epoch, chunk.first, chunk.frames)
        for frame in chunk.frames:
            self._truth.note(frame)

    def restore(self, backup: MemoryStore, epochs: Iterable[str]) -> None:
        """Become the backup; every thread gets another epoch."""
        fresh = backup.copy()
        self._truth.owners.clear()  # what was made after the backup never was
        self.threads, self.runs, self.requests = fresh.threads, fresh.runs, fresh.requests
        for thread, epoch in zip(self.threads.values(), epochs, strict=False):
            if thread.owner:
                thread.epoch = epoch
                self._truth.committed(
                    thread.thread_id, thread.owner, epoch, thread.oldest, (frame for _, frame in thread.rows)
                )
        self._truth.era += 1
