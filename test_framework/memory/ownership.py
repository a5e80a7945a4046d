"""Which process holds which thread of a memory store: leases by a clock, and a fence for each thread."""

from __future__ import annotations

from typing import Final

from netra_backend.app.core.history import HeldElsewhere

LEASE_MS: Final = 30_000
"""How long a process holds what it holds after it was last heard of."""


class ThreadOwnership:
    """The processes that share one store, and what each of them holds."""

    def __init__(self, lease_ms: int = LEASE_MS) -> None:
        self.lease_ms = lease_ms
        self._leases: dict[str, int] = {}
        self._threads: dict[str, tuple[str, int]] = {}

    def renew(self, process_id: str, now_ms: int) -> None:
        """The process lives."""
        self._leases[process_id] = now_ms + self.lease_ms

    def leave(self, process_id: str) -> None:
        """The process is gone: what it held is nobody's."""
        self._leases.pop(process_id, None)

    def living(self, now_ms: int) -> list[str]:
        """The processes whose lease has not run out."""
        return [process_id for process_id, until_ms in self._leases.items() if until_ms > now_ms]

    def holder(self, thread_id: str, now_ms: int) -> str:
        """The living process that holds the thread, or ``""``."""
        process_id, _ = self._threads.get(thread_id, ("", 0))
        return process_id if self._leases.get(process_id, now_ms) > now_ms else ""

    def fence(self, thread_id: str) -> int:
        """The thread's newest fence; 0 where nobody ever held it."""
        return self._threads.get(thread_id, ("", 0))[1]

    def take(self, thread_id: str, process_id: str, now_ms: int) -> int:
        """Be the holder; the new fence. Raises ``HeldElsewhere``."""
        holder = self.holder(thread_id, now_ms)
        if holder not in ("", process_id):
            raise HeldElsewhere(holder)
        fence = self.fence(thread_id) + 1
        self._threads[thread_id] = (process_id, fence)
        return fence

    def keep(self, thread_id: str, process_id: str, fence: int) -> None:
        """Hold it, under the fence that it has."""
        self._threads[thread_id] = (process_id, fence)

    def let_go(self, thread_id: str) -> None:
        """Be nobody's; the fence stays."""
        self._threads[thread_id] = ("", self.fence(thread_id))

    def bar(self, thread_id: str) -> None:
        """Be nobody's for ever: who held it learns that it does not any more."""
        self._threads[thread_id] = ("", max(self.fence(thread_id), 1) + 1)
