"""Several server processes within one Python process: over one store, on one line, each with its own connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from netra_backend.app.cluster.command_handler import PeerCommandHandler
from netra_backend.app.cluster.peer_client import PeerClient
from netra_backend.app.cluster.takeover import Takeover
from netra_backend.app.core.history import Chunk
from netra_backend.app.core.limits import Limits
from netra_backend.app.services.revocations import Revocations
from test_framework.clock import ManualClock
from test_framework.ids import new_id
from test_framework.memory.event_log import MemoryEventLog
from test_framework.memory.ownership import LEASE_MS
from test_framework.memory.peers import MemoryPeers
from test_framework.memory.revocations import MemoryRevocations
from test_framework.memory.shared_log import SharedMemoryLog


class Processes:
    """The processes of one server. ``deliver`` takes events to the connections of all of them, as a bus does."""

    def __init__(self, workshop: Callable[..., Any], limits: Limits, clock: ManualClock, seed: str) -> None:
        self._workshop = workshop
        self._limits = limits
        self._seed = seed
        self.clock = clock
        self.line = MemoryPeers()
        self.revocations = MemoryRevocations()
        self.all: list[Any] = []

    async def open(self, limits: Limits | None = None) -> Any:
        """One more process. It looks for runs that nobody holds when it is told to."""
        made = process_class(self._workshop)(self, limits or self._limits, f"{self._seed} {len(self.all)}")
        self.all.append(made)
        for each in self.all:
            await each.peers.poll()
        return made

    def deliver(self, chunks: Sequence[Chunk]) -> None:
        for each in self.all:
            if not each.dead:
                each.pool.publish(chunks)

    async def lapse(self, *dead: Any) -> None:
        """So much time passes that the leases of these run out and those of the others do not."""
        for _ in range(4):
            self.clock.advance(ms=LEASE_MS // 3)
            for each in self.all:
                if each not in dead:
                    each.log.renew()


def process_class(workshop: Callable[..., Any]) -> Any:
    """The unit tests' ``Workshop``, as one of several processes."""

    class Process(workshop):  # type: ignore[misc, valid-type]  # the class is handed in by a fixture
        def __init__(self, processes: Processes, limits: Limits, seed: str) -> None:
            self.processes = processes
            self.process_id = new_id("prc")
            self.dead = self.frozen = False
            super().__init__(limits, processes.clock, seed)

        def open_log(self, loop: asyncio.AbstractEventLoop) -> MemoryEventLog:
            first: Any = self.processes.all[0] if self.processes.all else self
            self.store = first.store
            self.member = self.processes.line.join(self.process_id, loop)
            self.peers = PeerClient(self.member)
            return SharedMemoryLog(
                self.store, self.process_id, self.clock, loop, self._publish, self.failures.append, pace=self.pace
            )

        def pace(self, kind: str) -> float:
            return 3600.0 if self.frozen and kind == "commit" else 0.0

        def open(self) -> None:
            super().open()
            self.revocations = Revocations(self.processes.revocations)
            self.takeover = Takeover(self.turns, self.peers)
            answering = PeerCommandHandler(self.turns, self.log, self.revocations, self.takeover.work)
            self.member.serve(answering.answer, answering.on_message)

        def _publish(self, chunks: Sequence[Chunk]) -> None:
            self.processes.deliver(chunks)

        def freeze(self) -> None:
            """It stands still: nothing of it is stored, and nobody is answered."""
            self.frozen = self.member.cut_off = True

        async def thaw(self) -> None:
            """It goes on as if nothing had happened."""
            self.frozen = self.member.cut_off = False
            if self.log._timer is not None:
                self.log._timer.cancel()
                self.log._commit()
            self.log.renew()

        async def die(self) -> None:
            """``kill -9``."""
            self.dead = True
            self.member.leave()
            await super().die()

    return Process


@pytest.fixture
async def processes(limits: Limits, seed: str, workshop_class: Callable[..., Any]) -> AsyncIterator[Processes]:
    made = Processes(workshop_class, limits, ManualClock(), seed)
    yield made
    for each in made.all:
        await each.takeover.close()
        if not each.dead:
            await each.turns.drain(0)
            await each.log.close()
        await each.engines.cleanup()
