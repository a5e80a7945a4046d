"""What a device has seen of a thread, and whether a connection kept to the wire's promises."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class View:
    """One thread as a device has it: ``frames`` from position ``first`` on, without holes.

    ``epoch`` is ``None`` until it was told. While an answer to ``resume`` is out, what comes is taken provisionally: only
    ``live`` says that it belongs to the same history (``settled`` counts the frames that surely do).
    """

    thread_id: str
    epoch: str | None = None
    first: int = 1
    frames: list[bytes] = field(default_factory=list)
    settled: int = 0
    asked: bool = False

    @property
    def top(self) -> int:
        """The newest position that was taken."""
        return self.first + len(self.frames) - 1

    def take(self, seq: int, frame: bytes) -> str:
        """The client rule: ``taken``, ``known``, ``other`` (known, with other bytes) or ``hole``."""
        if seq == self.top + 1:
            self.frames.append(frame)
            if not self.asked:
                self.settled = len(self.frames)
            return "taken"
        if seq > self.top:
            return "hole"
        if seq >= self.first and self.frames[seq - self.first] != frame:
            return "other"
        return "known"

    def settle(self) -> None:
        """The answer is here, and it was ``live``."""
        self.asked = False
        self.settled = len(self.frames)

    def unsettle(self) -> None:
        """The connection is gone: what was provisional is forgotten."""
        del self.frames[self.settled :]
        self.asked = False


class WireCheck:
    """What one connection promises for each thread: after an event comes the next one, and after ``live`` the one behind it.

    Allowed besides: a step to just after a position that was resumed from, while the answer to that is out (live events may
    begin at the same place before the ``resume`` arrives), and over events that a bus has lost.
    """

    def __init__(self, missing: set[tuple[str, int]]) -> None:
        self._missing = missing
        self._last: dict[str, int] = {}
        self._starts: dict[str, int] = {}

    def resumed(self, thread_id: str, seq: int) -> None:
        """A replay from after ``seq`` was asked for."""
        self._starts[thread_id] = seq + 1

    def answered(self, thread_id: str, live: int | None = None) -> None:
        """The replay is over; ``live`` is the position after which the connection goes on: that of a ``live``, or the top of a
        ``reset``, up to which the device has to ask anew. It may have told less: a device that had more from another process
        is told nothing twice."""
        self._starts.pop(thread_id, None)
        if live is not None:
            self._last[thread_id] = live

    def forgotten(self, thread_id: str) -> None:
        """The answer was that there is no such thread: what comes of it is of before its deletion, from wherever it is told."""
        self._starts.pop(thread_id, None)
        self._last.pop(thread_id, None)

    def is_in_order(self, thread_id: str, seq: int) -> bool:
        """Whether this event may come now."""
        last = self._last.get(thread_id)
        self._last[thread_id] = seq
        if last is None or seq in (last + 1, self._starts.get(thread_id)):
            return True
        last += 1
        while (thread_id, last) in self._missing:
            last += 1
        return seq == last
