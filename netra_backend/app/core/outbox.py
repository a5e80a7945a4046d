"""One connection's outgoing queue: bounded, in order, and only of its owner.

Frames are whole and already encoded. What is ready in one turn of the loop is taken at once, so that it leaves in one
write. Positions have no holes and the same position is the same bytes for every reader, so nothing is merged or dropped
here: a reader that cannot keep up is closed with 4408 and resumes from the log, which holds everything.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import validation
from .errors import SSotIsolationError


class Outbox:
    """``put`` what is to be sent, ``take`` when the socket takes bytes. Not thread-safe; steps never wait."""

    __slots__ = ("_frames", "_max_bytes", "_stall_s", "_stalled_since", "bytes", "owner")

    def __init__(self, owner: str, max_bytes: int, stall_s: float) -> None:
        self.owner = owner
        self.bytes = 0
        self._frames: list[bytes] = []
        self._max_bytes = max_bytes
        self._stall_s = stall_s
        self._stalled_since: float | None = None

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, owner: str, frames: Sequence[bytes]) -> bool:
        """Queue frames that belong to ``owner``; whether the bound still holds (``False``: close 4408).

        Raises ``SSotIsolationError`` (``cross_user_delivery``) if they belong to somebody else; nothing is queued then.
        """
        if owner != self.owner:
            raise SSotIsolationError(
                "SSOT isolation: the delivery of another user's event was stopped",
                kind="cross_user_delivery",
                point=validation.OUTBOX_OWNER,
            )
        self._frames.extend(frames)
        for frame in frames:
            self.bytes += len(frame)
        return self.bytes <= self._max_bytes

    def take(self) -> list[bytes]:
        """Everything that is queued, in order; the queue is empty then."""
        frames = self._frames
        self._frames = []
        self.bytes = 0
        return frames

    def paused(self, now: float) -> None:
        """The socket stopped taking bytes."""
        if self._stalled_since is None:
            self._stalled_since = now

    def resumed(self) -> None:
        """The socket takes bytes again."""
        self._stalled_since = None

    def is_stalled(self, now: float) -> bool:
        """Whether there was no progress for too long: close 4408."""
        return self._stalled_since is not None and now - self._stalled_since >= self._stall_s
