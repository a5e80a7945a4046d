"""Runs of this process that have left memory until a time that was recorded: what is left of each is its place."""

from __future__ import annotations

from heapq import heappop, heappush

import msgspec

from ..core.history import RunRecord, ThreadHead
from ..core.limits import Limits


class ParkedRun(msgspec.Struct, eq=False):
    """A run that goes on at ``wake_ms`` (ms since 1970 UTC). ``stopped_by``: it does not go on, and ends as cancelled."""

    owner: str
    run: RunRecord
    wake_ms: int
    stopped_by: str = ""


class ParkedRuns:
    """Bounded, in all and for each user. A run here keeps its thread with this process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._runs: dict[str, ParkedRun] = {}
        self._counts: dict[str, int] = {}
        self._next: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._runs)

    def has_room(self, owner: str) -> bool:
        """Whether one more of this owner may be parked."""
        limits = self._limits
        return len(self._runs) < limits.process_parked_runs and self._counts.get(owner, 0) < limits.parked_runs

    def add(self, owner: str, run: RunRecord, wake_ms: int) -> None:
        """Park a run that is not parked."""
        assert run.run_id not in self._runs
        run.head.pin(run)
        self._runs[run.run_id] = ParkedRun(owner, run, wake_ms)
        self._counts[owner] = self._counts.get(owner, 0) + 1
        heappush(self._next, (wake_ms, run.run_id))

    def get(self, run_id: str) -> ParkedRun | None:
        """The parked run of that id."""
        return self._runs.get(run_id)

    def remove(self, run_id: str) -> None:
        """It is parked no longer. May be called again."""
        parked = self._runs.pop(run_id, None)
        if parked is None:
            return
        parked.run.head.unpin(parked.run)
        self._counts[parked.owner] -= 1
        if not self._counts[parked.owner]:
            del self._counts[parked.owner]
        if len(self._next) > 2 * len(self._runs) + 8:  # those that left before their time
            self._next = sorted((each.wake_ms, run_id) for run_id, each in self._runs.items())

    def drop_thread(self, head: ThreadHead) -> None:
        """The thread is another process's, or nobody's."""
        for parked in self.of_thread(head):
            self.remove(parked.run.run_id)

    def clear(self) -> list[ThreadHead]:
        """Park nothing more; the threads that had parked runs."""
        heads = list(dict.fromkeys(parked.run.head for parked in self._runs.values()))
        for run_id in list(self._runs):
            self.remove(run_id)
        return heads

    def due(self, now_ms: int, most: int) -> list[ParkedRun]:
        """Those whose time has come, the earliest first; each once, unless it is put ``off``."""
        found: list[ParkedRun] = []
        while self._next and self._next[0][0] <= now_ms and len(found) < most:
            wake_ms, run_id = heappop(self._next)
            parked = self._runs.get(run_id)
            if parked is not None and parked.wake_ms == wake_ms:
                found.append(parked)
        return found

    def put_off(self, parked: ParkedRun, wake_ms: int) -> None:
        """It could not go on; it is due again at that time."""
        if self._runs.get(parked.run.run_id) is parked:
            parked.wake_ms = wake_ms
            heappush(self._next, (wake_ms, parked.run.run_id))

    def of_user(self, owner: str) -> list[ParkedRun]:
        """The parked runs of one user."""
        return [parked for parked in self._runs.values() if parked.owner == owner] if owner in self._counts else []

    def of_thread(self, head: ThreadHead) -> list[ParkedRun]:
        """The parked runs of one thread."""
        return [parked for parked in self._runs.values() if parked.run.head is head] if head.pins else []
