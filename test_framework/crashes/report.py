"""What a walk over the boundaries of a run found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..websocket_client import Frame


@dataclass(frozen=True, slots=True)
class Boundary:
    """The server was ended after ``events`` events: with their commit, or (``acknowledged``) before the next one's. ``after``
    is the type of the last event, ``unknown`` how many outcomes were told as unknown, ``broken`` every promise that was not
    kept."""

    events: int
    acknowledged: bool
    after: str
    unknown: int
    broken: tuple[str, ...]

    @property
    def name(self) -> str:
        """For people."""
        when = "before the next commit" if self.acknowledged else "with its commit"
        return f"{self.events:>3} {self.after} ({when})"


@dataclass(slots=True)
class Walk:
    """All boundaries of a run. ``reference`` are its events without an interruption."""

    reference: Sequence[Frame]
    boundaries: list[Boundary] = field(default_factory=list)

    @property
    def unknown(self) -> int:
        """How many outcomes were told as unknown; each was right, or is among what is broken."""
        return sum(boundary.unknown for boundary in self.boundaries)

    @property
    def broken(self) -> list[str]:
        """Every broken promise, with the boundary."""
        return [f"{each.name}: {words}" for each in self.boundaries for words in each.broken]

    def check(self) -> None:
        """Raises ``AssertionError`` with every broken promise if there is one."""
        if broken := self.broken:
            raise AssertionError("\n".join([f"{len(broken)} promises were broken:", *broken[:20]]))

    def __str__(self) -> str:
        broken = sum(bool(each.broken) for each in self.boundaries)
        rows = [f"{each.name}: {each.unknown} unknown" for each in self.boundaries if each.unknown]
        head = f"{len(self.boundaries)} boundaries, {broken} broken, {self.unknown} outcomes unknown"
        return "\n".join([head, *rows, *self.broken])
