"""The client rule: which event of a thread is taken, which is a repeat, and which shows a hole."""

from __future__ import annotations

from enum import Enum

from ..app.core.events import Position


class Verdict(Enum):
    """What to do with an event."""

    TAKE = "take"
    REPEAT = "repeat"
    HOLE = "hole"


class Positions:
    """A client's position in each thread."""

    def __init__(self) -> None:
        self._at: dict[str, Position] = {}

    def follow(self, thread_id: str, epoch: str, seq: int) -> None:
        """Stand at this position; what comes next is ``seq + 1``."""
        self._at[thread_id] = Position(epoch, seq)

    def follows(self, thread_id: str) -> bool:
        """Whether this thread is followed."""
        return thread_id in self._at

    def judge(self, thread_id: str, seq: int) -> Verdict:
        """Judge an event of a followed thread; if it is the next one, move on to it."""
        here = self._at[thread_id]
        if seq == here.seq + 1:
            self._at[thread_id] = Position(here.epoch, seq)
            return Verdict.TAKE
        return Verdict.REPEAT if seq <= here.seq else Verdict.HOLE

    def behind(self, tops: dict[str, int]) -> bool:
        """Whether a heartbeat announces events that did not arrive."""
        return any(thread_id in self._at and top > self._at[thread_id].seq for thread_id, top in tops.items())

    def all(self) -> dict[str, Position]:
        """What a ``resume`` frame names."""
        return dict(self._at)
