"""Which runs of a thread count no more, because a message was edited and sent again."""

from __future__ import annotations

from typing import Final, NamedTuple

from .events import RunSuperseded, decode_event

_TAG: Final = b'"run_superseded"'
_TAG_WITHIN: Final = 40


class Superseded(NamedTuple):
    """Runs that count no more: those that begin from ``since`` on, and before ``by``."""

    since: int
    by: int

    def has(self, begins: int) -> bool:
        """Whether the run that begins at this position is one of them."""
        return self.since <= begins < self.by


def superseded_in(frame: bytes) -> Superseded | None:
    """What this event supersedes, if it is one that does."""
    if _TAG not in frame[:_TAG_WITHIN]:
        return None
    event = decode_event(frame)
    return Superseded(event.since, event.seq - 1) if isinstance(event, RunSuperseded) else None
