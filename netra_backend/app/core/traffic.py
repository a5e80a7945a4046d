"""What one WebSocket sends, counted as it comes in: every frame (control frames and fragments too) and every byte.

Frames are found by their headers alone (RFC 6455, 5.2), so that they are counted, and refused, before anything is parsed.
"""

from __future__ import annotations

from . import validation
from .errors import FrameRefused, LimitRefused
from .limits import Limits
from .token_bucket import TokenBucket

_WHOLE_TEXT = 0x81
_CONTROL = 0x08
_CONTINUATION = 0x00


class FrameScanner:
    """Finds where frames begin in a stream of bytes, however it is cut."""

    __slots__ = ("_head", "_skip", "fragments")

    def __init__(self) -> None:
        self._head = b""
        self._skip = 0
        self.fragments = 0
        """Of the message that is coming in, at most so far."""

    def scan(self, data: bytes, most: int, most_bytes: int) -> tuple[int, int, int, int]:
        """Go on with ``data`` until ``most`` frames have ended in it, or the one that reaches ``most_bytes``. Returns how many
        bytes that is, how many frames begin in them, how many of those are no whole text, and the most fragments that one
        message has there. Call it again with what is left."""
        at, size = 0, len(data)
        frames, texts, most_fragments = 0, 0, self.fragments
        if self._skip:
            at = min(size, self._skip)
            self._skip -= at
        while at < size and frames < most and at < most_bytes:
            head = self._head + data[at : at + 14]
            length = _frame_length(head)
            if length is None:  # no whole header yet
                self._head = head
                return size, frames, frames - texts, most_fragments
            frames += 1
            texts += head[0] == _WHOLE_TEXT
            most_fragments = max(most_fragments, self._count(head[0]))
            at += length - len(self._head)
            self._head = b""
            if at > size:
                self._skip, at = at - size, size
        return at, frames, frames - texts, most_fragments

    def _count(self, first: int) -> int:
        opcode = first & 0x0F
        if opcode & _CONTROL == 0:
            self.fragments = self.fragments + 1 if opcode == _CONTINUATION else 1
        return self.fragments


def _frame_length(head: bytes) -> int | None:
    """The length of the frame that begins with ``head``, header and all; ``None`` where its header is not whole."""
    if len(head) < 2:
        return None
    length = head[1] & 0x7F
    start = 2
    if length > 125:
        start = 4 if length == 126 else 10
        if len(head) < start:
            return None
        length = int.from_bytes(head[2:start], "big")
    return length + start + (4 if head[1] & 0x80 else 0)


class AnonymousTraffic:
    """What a connection may send before anybody has signed in over it: so much in all."""

    __slots__ = ("_bytes", "_frames", "_limits")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._frames = limits.anonymous_frames
        self._bytes = limits.anonymous_bytes

    def take(self, frames: int, others: int, size: int, now: float) -> None:
        """Count what came in: frames, how many of them are no whole texts, bytes. Raises ``LimitRefused``
        (``rate_limited``)."""
        self._frames -= frames
        self._bytes -= size
        if self._frames < 0 or self._bytes < 0:
            raise LimitRefused(
                "Too much was sent without a sign-in.", retry_after_ms=1000, point=validation.SOCKET_ANONYMOUS
            )


class UserTraffic:
    """What all connections of a signed-in user may send: frames and bytes a second, each with a burst. The session counts whole
    texts, and answers each that is too many; of the other frames one too many ends the connection that sent it."""

    __slots__ = ("_bytes", "_frames")

    def __init__(self, limits: Limits, now: float) -> None:
        self._frames = TokenBucket(limits.raw_frame_rate, limits.raw_frame_burst, now)
        self._bytes = TokenBucket(limits.byte_rate, limits.byte_burst, now)

    def change(self, limits: Limits, now: float) -> None:
        """Other limits from now on."""
        self._frames.change(limits.raw_frame_rate, limits.raw_frame_burst, now)
        self._bytes.change(limits.byte_rate, limits.byte_burst, now)

    def take(self, frames: int, others: int, size: int, now: float) -> None:
        """As ``AnonymousTraffic.take``."""
        if others and not self._frames.take_many(others, now):
            raise LimitRefused(
                "Too many WebSocket frames in a short time.",
                retry_after_ms=max(1, self._frames.wait_ms()),
                point=validation.SOCKET_FRAMES,
            )
        if not self._bytes.take_many(size, now):
            raise LimitRefused(
                "Too many bytes in a short time.",
                retry_after_ms=max(1, self._bytes.wait_ms()),
                point=validation.SOCKET_BYTES,
            )

    def is_full(self, now: float) -> bool:
        """Whether nothing is counted any more."""
        return self._frames.is_full(now) and self._bytes.is_full(now)


def check_fragments(fragments: int, limits: Limits) -> None:
    """Raises ``FrameRefused`` (``payload_too_large``) if a message has more fragments than it may."""
    if fragments > limits.message_fragments:
        raise FrameRefused(
            f"A message has at most {limits.message_fragments} fragments.",
            kind="payload_too_large",
            hint="Send it whole.",
            point=validation.SOCKET_FRAGMENTS,
        )


def check_unread(unsent: int, most: int) -> None:
    """Raises ``LimitRefused`` (``slow_consumer``) if answers that the peer does not read are more than ``most`` bytes."""
    if unsent > most:
        raise LimitRefused(
            "The peer does not read what it is answered.", kind="slow_consumer", point=validation.SOCKET_UNREAD
        )
