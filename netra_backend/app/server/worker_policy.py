"""Which processes a server of several should have at each moment: what to start and when, and how all of them end.

Pure: what happened and the time go in, effects come out. ``worker_supervisor`` carries them out.

Each worker slot holds one process. Before all are ready for the first time, one that ends takes the whole server with
it: what keeps a process from starting keeps every process from starting, and whoever started the server should know at once.
After that one that ends is replaced: at once where it had been ready for a while, and else after a pause that doubles.

In development it is replaced when the code has changed (``renew``), and not before: the same code would end in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STEADY_S: Final = 30.0
"""A process that was ready for this long has started well: its end is no reason to wait with the next one."""

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0
LAST_WAIT_S: Final = 9.0
"""How long processes have to end after they were asked to; those that are left are killed. Within the ten seconds of all."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start a process in this slot, and tell ``started``."""

    slot: int


@dataclass(frozen=True, slots=True)
class Announce:
    """All are ready: say so. Once."""


@dataclass(frozen=True, slots=True)
class End:
    """Ask the process to end."""

    pid: int


@dataclass(frozen=True, slots=True)
class Kill:
    """End the process."""

    pid: int


@dataclass(frozen=True, slots=True)
class Leave:
    """No process is left: end with this code."""

    code: int


Effect = Start | Announce | End | Kill | Leave


@dataclass(slots=True)
class _WorkerSlot:
    number: int
    pid: int | None = None
    ready_since: float | None = None
    failures: int = 0
    due: float | None = None
    kill_at: float | None = None
    renewing: bool = False


class WorkerPoolPolicy:
    """The processes of one server. ``waits_for_code``: one that ends is replaced by ``renew`` alone."""

    def __init__(self, size: int, *, waits_for_code: bool = False) -> None:
        self._waits_for_code = waits_for_code
        self._slots = [_WorkerSlot(number) for number in range(1, size + 1)]
        self._announced = False
        self._code = 0
        self._stopping = False

    @property
    def pids(self) -> list[int]:
        """The processes that have not been seen to end."""
        return [slot.pid for slot in self._slots if slot.pid is not None]

    @property
    def due(self) -> float | None:
        """When ``tick`` has something to do; ``None`` where nothing is planned."""
        planned = [each for slot in self._slots for each in (slot.due, slot.kill_at) if each is not None]
        return min(planned, default=None)

    def begin(self) -> list[Effect]:
        """The first processes."""
        return [Start(slot.number) for slot in self._slots]

    def started(self, slot: int, pid: int) -> list[Effect]:
        """A process was started."""
        self._slots[slot - 1].pid = pid
        return [End(pid)] if self._stopping else []

    def ready(self, pid: int, now: float) -> list[Effect]:
        """A process says that it is ready."""
        for slot in self._slots:
            if slot.pid == pid:
                slot.ready_since = now
        if self._announced or self._stopping or any(slot.ready_since is None for slot in self._slots):
            return []
        self._announced = True
        return [Announce()]

    def ended(self, pid: int, ended_well: bool, now: float) -> list[Effect]:
        """A process ended. ``ended_well``: of itself with 0, or because it was asked to."""
        slot = next(slot for slot in self._slots if slot.pid == pid)
        ready_since, slot.pid, slot.ready_since, slot.kill_at = slot.ready_since, None, None, None
        renewing, slot.renewing = slot.renewing, False
        if renewing and not self._stopping:
            return [Start(slot.number)]
        if self._stopping or not self._announced:
            if not (ended_well and self._stopping):
                self._code = 1
            return self.stop(now)
        if self._waits_for_code:
            return []
        if ready_since is not None and now - ready_since >= STEADY_S:
            slot.failures = 0
        pause = min(FIRST_PAUSE_S * 2 ** (slot.failures - 1), LONGEST_PAUSE_S) if slot.failures else 0.0
        slot.failures += 1
        if pause:
            slot.due = now + pause
            return []
        return [Start(slot.number)]

    def renew(self, now: float) -> list[Effect]:
        """The code has changed: have every process end and another start in its place, and start those that are missing."""
        if self._stopping:
            return []
        effects: list[Effect] = []
        for slot in self._slots:
            slot.due = None
            if slot.pid is None:
                effects.append(Start(slot.number))
            elif not slot.renewing:
                slot.renewing, slot.kill_at = True, now + LAST_WAIT_S
                effects.append(End(slot.pid))
        return effects

    def stop(self, now: float) -> list[Effect]:
        """Have all of them end, start no more, and leave."""
        asked: list[Effect] = []
        if not self._stopping:
            self._stopping = True
            for slot in self._slots:
                slot.due = None
                slot.kill_at = None if slot.pid is None else now + LAST_WAIT_S
            asked = [End(pid) for pid in self.pids]
        return asked or ([] if self.pids else [Leave(self._code)])

    def tick(self, now: float) -> list[Effect]:
        """Some time has passed."""
        effects: list[Effect] = []
        for slot in self._slots:
            if slot.due is not None and now >= slot.due:
                slot.due = None
                effects.append(Start(slot.number))
            if slot.pid is not None and slot.kill_at is not None and now >= slot.kill_at:
                slot.kill_at = None
                effects.append(Kill(slot.pid))
        return effects
