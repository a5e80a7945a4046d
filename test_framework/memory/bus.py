"""A bus between processes that are played in one: for tests of what happens when messages are lost, late or out of order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from netra_backend.app.core.history import Chunk

MAX_UNDER_WAY: Final = 10_000
"""Messages that are not heard yet; what is said beyond that is lost."""

OnMessage = Callable[[str, str, str, int, Sequence[bytes]], None]
Pace = Callable[[], float | None]
"""How many seconds until the next message is heard by the next of those who follow; ``None`` loses it."""


def at_once() -> float:
    """The pace of memory: heard in the next turn of the loop."""
    return 0.0


class MemoryHub:
    """What the buses of one fleet have in common. While it is not ``up`` everything is lost, also what is under way."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pace: Pace = at_once) -> None:
        self.up = True
        self.lost = 0
        self._loop = loop
        self._pace = pace
        self._buses: list[MemoryBus] = []
        self._under_way = 0

    def join(self, bus: MemoryBus) -> None:
        """Let it hear what the others say."""
        self._buses.append(bus)

    def leave(self, bus: MemoryBus) -> None:
        """It hears nothing any more."""
        self._buses.remove(bus)

    def carry(self, sender: MemoryBus, chunk: Chunk) -> None:
        """Say it to each of the others who follows its owner."""
        for bus in self._buses:
            if bus is sender or chunk.head.owner not in bus.followed:
                continue
            delay = self._pace() if self.up and self._under_way < MAX_UNDER_WAY else None
            if delay is None:
                self.lost += 1
                continue
            self._under_way += 1
            head = chunk.head
            self._loop.call_later(
                delay, self._arrive, bus, head.owner, head.thread_id, head.epoch, chunk.first, tuple(chunk.frames)
            )

    def _arrive(
        self, bus: MemoryBus, owner: str, thread_id: str, epoch: str, first: int, frames: Sequence[bytes]
    ) -> None:
        self._under_way -= 1
        if self.up and bus in self._buses and owner in bus.followed:
            bus.on_message(owner, thread_id, epoch, first, frames)
        else:
            self.lost += 1


class MemoryBus:
    """``ports.Bus`` of one process."""

    def __init__(self, hub: MemoryHub, on_message: OnMessage) -> None:
        self.on_message = on_message
        self.followed: set[str] = set()
        self._hub = hub
        hub.join(self)

    @property
    def connected(self) -> bool:
        """Whether messages are carried at all."""
        return self._hub.up

    def publish(self, chunks: Sequence[Chunk]) -> None:
        for chunk in chunks:
            self._hub.carry(self, chunk)

    def follow(self, owner: str) -> None:
        self.followed.add(owner)

    def unfollow(self, owner: str) -> None:
        self.followed.discard(owner)

    async def close(self) -> None:
        """Hear and say nothing any more."""
        self.followed.clear()
        self._hub.leave(self)
