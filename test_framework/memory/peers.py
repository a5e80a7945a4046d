"""Several processes of one server within one Python process: for tests and the simulation of what they ask of each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from netra_backend.app.core.errors import DependencyUnavailable

from .bus import Pace, at_once


class MemoryPeers:
    """The line that all of them are on. ``pace`` says how long each way takes, or loses what is on it. Those who are cut off
    neither hear nor are heard."""

    def __init__(self, pace: Pace = at_once) -> None:
        self.members: dict[str, MemoryPeersMember] = {}
        self.pace = pace

    def join(self, process_id: str, loop: asyncio.AbstractEventLoop) -> MemoryPeersMember:
        """A new process."""
        member = self.members[process_id] = MemoryPeersMember(self, process_id, loop)
        return member


class MemoryPeersMember:
    """``ports.Fleet``. What it is asked goes on when who asked is gone."""

    def __init__(self, line: MemoryPeers, process_id: str, loop: asyncio.AbstractEventLoop) -> None:
        self.process_id = process_id
        self.cut_off = False
        self._line = line
        self._loop = loop
        self._answer: Callable[[bytes], Awaitable[bytes]] | None = None
        self._on_message: Callable[[bytes], None] | None = None

    def serve(self, answer: Callable[[bytes], Awaitable[bytes]], on_message: Callable[[bytes], None]) -> None:
        self._answer, self._on_message = answer, on_message

    async def ask(self, process_id: str, command: bytes) -> bytes:
        await self._way()
        asked = self._line.members.get(process_id)
        if asked is None or asked.cut_off or self.cut_off or asked._answer is None:
            raise _silence()
        answering = asked._loop.create_task(_answer_of(asked._answer, command))
        await asyncio.wait([answering])
        await self._way()
        if answering.cancelled() or answering.exception() is not None or asked.cut_off or self.cut_off:
            raise _silence()
        return answering.result()

    async def _way(self) -> None:
        delay = self._line.pace()
        if delay is None:
            raise _silence()
        await asyncio.sleep(delay)

    def broadcast(self, command: bytes) -> None:
        for member in self._line.members.values():
            delay = self._line.pace()
            if member is not self and delay is not None:
                self._loop.call_later(delay, self._told, member, command)

    def _told(self, member: MemoryPeersMember, command: bytes) -> None:
        if not member.cut_off and not self.cut_off and member._on_message is not None:
            member._on_message(command)

    async def processes(self) -> list[str]:
        return [process_id for process_id, member in self._line.members.items() if not member.cut_off]

    def leave(self) -> None:
        """The process is gone."""
        self.cut_off = True
        self._line.members.pop(self.process_id, None)


async def _answer_of(answer: Callable[[bytes], Awaitable[bytes]], command: bytes) -> bytes:
    return await answer(command)


def _silence() -> DependencyUnavailable:
    return DependencyUnavailable("Another process of this server does not answer.", retry_after_ms=1000)
