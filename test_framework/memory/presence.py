"""What users hold at other processes, where all of them are played in one: for tests."""

from __future__ import annotations

from collections.abc import Mapping

from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.quotas import Counts


class MemoryPresences:
    """What the processes of one fleet have said. While it is not ``up`` it does not answer."""

    def __init__(self) -> None:
        self.up = True
        self.said: dict[str, dict[str, Counts]] = {}

    def flush(self) -> None:
        """Lose everything."""
        self.said.clear()


class MemoryPresence:
    """``ports.Presence`` of one process."""

    def __init__(self, presences: MemoryPresences, process_id: str) -> None:
        self._presences = presences
        self._process_id = process_id

    async def exchange(self, mine: Mapping[str, Counts]) -> Mapping[str, Counts]:
        if not self._presences.up:
            raise DependencyUnavailable("Presence does not answer.", retry_after_ms=1000)
        self._presences.said[self._process_id] = dict(mine)
        others = [said for process_id, said in self._presences.said.items() if process_id != self._process_id]
        found: dict[str, Counts] = {}
        for user in mine:
            held = [said[user] for said in others if user in said]
            if held:
                found[user] = sum_of(held)
        return found

    async def close(self) -> None:
        """What was said is taken back."""
        self._presences.said.pop(self._process_id, None)


def sum_of(held: list[Counts]) -> Counts:
    """All of it together."""
    return Counts(
        sum(counts.connections for counts in held),
        sum(counts.runs for counts in held),
        sum(counts.queued for counts in held),
    )
