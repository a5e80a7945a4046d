"""Several processes of one server within one Python process: for tests and the simulation of what they ask of each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..core.errors import DependencyUnavailable


class MemoryFleet:
    """The line that all of them are on. Those who are cut off neither hear nor are heard."""

    def __init__(self) -> None:
        self.members: dict[str, MemoryFleetMember] = {}

    def join(self, process_id: str, loop: asyncio.AbstractEventLoop) -> MemoryFleetMember:
        """A new process."""
        member = self.members[process_id] = MemoryFleetMember(self, process_id, loop)
        return member


class MemoryFleetMember:
    """``ports.Fleet``."""

    def __init__(self, line: MemoryFleet, process_id: str, loop: asyncio.AbstractEventLoop) -> None:
        self.process_id = process_id
        self.cut_off = False
        self._line = line
        self._loop = loop
        self._answer: Callable[[bytes], Awaitable[bytes]] | None = None
        self._hear: Callable[[bytes], None] | None = None

    def serve(self, answer: Callable[[bytes], Awaitable[bytes]], hear: Callable[[bytes], None]) -> None:
        self._answer, self._hear = answer, hear

    async def ask(self, process_id: str, command: bytes) -> bytes:
        await asyncio.sleep(0)
        asked = self._line.members.get(process_id)
        if asked is None or asked.cut_off or self.cut_off or asked._answer is None:
            raise DependencyUnavailable("Another process of this server does not answer.", retry_after_ms=1000)
        answer = await asked._answer(command)
        if asked.cut_off or self.cut_off:
            raise DependencyUnavailable("Another process of this server does not answer.", retry_after_ms=1000)
        return answer

    def tell(self, command: bytes) -> None:
        for member in self._line.members.values():
            if member is not self:
                self._loop.call_soon(self._told, member, command)

    def _told(self, member: MemoryFleetMember, command: bytes) -> None:
        if not member.cut_off and not self.cut_off and member._hear is not None:
            member._hear(command)

    async def processes(self) -> list[str]:
        return [process_id for process_id, member in self._line.members.items() if not member.cut_off]

    def leave(self) -> None:
        """The process is gone."""
        self.cut_off = True
        self._line.members.pop(self.process_id, None)
