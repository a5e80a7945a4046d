"""One of several server processes over one store: with a lease, a follower, and lines to the others that may lose anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from netra_backend.app.cluster.command_handler import PeerCommandHandler
from netra_backend.app.cluster.peer_client import PeerClient
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.history import Chunk
from netra_backend.app.services.revocations import Revocations
from netra_backend.app.websocket_core.follower import Follower
from test_framework.memory.bus import MemoryBus, MemoryHub
from test_framework.memory.event_log import MemoryEventLog
from test_framework.memory.peers import MemoryPeers
from test_framework.memory.revocations import MemoryRevocations
from test_framework.memory.shared_log import SharedMemoryLog

from .process import Outside, ServerProcess

LOOK_EVERY = 2  # ticks
_STOOD_STILL = 0.5
"""Of the processes whose lease had run out, so many had held up themselves, and give back what nobody took."""


@dataclass(frozen=True, slots=True)
class Lines:
    """What the processes of one server have in common beside the store."""

    fleet: MemoryPeers
    hub: MemoryHub


class FleetProcess(ServerProcess):
    """While it does not ``renew`` its lease the others take it for dead, and it goes on all the same."""

    def __init__(self, outside: Outside, lines: Lines, failed: Callable[[ServerProcess], None]) -> None:
        self._lines = lines
        self.renews = True
        self._ticks = 0
        self._looking = False
        super().__init__(outside, failed)
        answering = PeerCommandHandler(self.turns, self.log, Revocations(MemoryRevocations()), self._look_for_work)
        self._member.serve(answering.answer, answering.on_message)

    def _open_log(self, loop: asyncio.AbstractEventLoop) -> MemoryEventLog:
        outside = self.outside
        process_id = self.mint("prc")
        self._member = self._lines.fleet.join(process_id, loop)
        self._delivered = self.follower = Follower(self.pool, loop)
        self._peers = self._client = PeerClient(self._member, self.follower.hold_delivery)
        self._bus = MemoryBus(self._lines.hub, self.follower.on_message)
        self._shared = SharedMemoryLog(
            outside.store,
            process_id,
            outside.clock,
            loop,
            self._publish,
            lambda _: self._failed(self),
            pace=outside.weather.pace,
            page_events=outside.page_events,
            page_bytes=outside.limits.outbox_bytes // 4,
        )
        self.follower.configure(self._shared, self._bus)
        return self._shared

    def _deliver(self, chunks: list[Chunk]) -> None:
        self.follower.publish(chunks)

    async def _run(self) -> None:
        await self._client.poll()
        self.follower.start()
        await super()._run()

    def _tick(self) -> None:
        super()._tick()
        if self.renews and self._shared.renew() and self.outside.weather.rng.random() < _STOOD_STILL:
            self.tasks.create_task(self._give_back())
        self._ticks += 1
        if self._ticks % LOOK_EVERY == 0:
            self._look_for_work()

    async def _give_back(self) -> None:
        if self._client.have_others:
            await self.turns.give_back()

    def _look_for_work(self) -> None:
        if not self._looking and self.alive:
            self._looking = True
            self.tasks.create_task(self._look())

    async def _look(self) -> None:
        try:
            await self._client.poll()
            await self.turns.recovery.take_over()
        except DependencyUnavailable:
            """The next look is soon."""
        finally:
            self._looking = False

    def kill(self) -> None:
        super().kill()
        self._member.leave()
        self._lines.hub.leave(self._bus)
