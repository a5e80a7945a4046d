"""One message of a bus: committed events of one thread, on their way from one process to the others.

The frames travel as they are stored and sent, encoded once; whoever passes them on does not look into them. A message comes
from outside all the same: ``open_message`` takes nothing that could not have been made here.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Final

import msgspec

from ...core.history import Chunk
from ...core.ids import MAX_LENGTH

SENDER_BYTES: Final = 8
_SEAL_BYTES: Final = 16
_HEAD: Final = _SEAL_BYTES + SENDER_BYTES
VERSION: Final = 1
"""The newest version of a message that this process knows. Messages of release 0.1.0 say none and are of version 1."""
MAX_FRAMES: Final = 1024
MAX_MESSAGE_BYTES: Final = 2 * 1024 * 1024
"""More than a chunk can have: its bound, and one event of the largest size that begins within it."""

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LENGTH)]
_Frames = Annotated[list[bytes], msgspec.Meta(min_length=1, max_length=MAX_FRAMES)]


class Told(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a message says. ``version`` keeps its place in all versions; release 0.1.0 reads nothing behind ``frames``."""

    owner: _Id
    thread_id: _Id
    epoch: _Id
    first: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    frames: _Frames
    version: Annotated[int, msgspec.Meta(ge=1)] = 1


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Told)


class BadMessage(ValueError):
    """Not one of ours, or of a newer process of ours: what it would have told is read from the log."""


def make_message(chunk: Chunk, sender: bytes, key: bytes) -> bytes:
    """The message of one committed chunk. ``sender`` tells the process's own messages from the others'."""
    head = chunk.head
    body = sender + _ENCODER.encode(Told(head.owner, head.thread_id, head.epoch, chunk.first, chunk.frames))
    return _seal(body, key) + body


def is_from(message: bytes, sender: bytes) -> bool:
    """Whether this process made it: nothing more is to be done with it then."""
    return message[_SEAL_BYTES:_HEAD] == sender


def open_message(message: bytes, key: bytes, owner: str) -> Told:
    """What the message says. Raises ``BadMessage`` if it was not made with this key, is not for this owner, or is of a version
    that is not known here."""
    if (
        not _HEAD < len(message) <= MAX_MESSAGE_BYTES
        or _seal(memoryview(message)[_SEAL_BYTES:], key) != message[:_SEAL_BYTES]
    ):
        raise BadMessage("the seal is broken")
    try:
        told = _DECODER.decode(memoryview(message)[_HEAD:])
        if told.version > VERSION:
            raise BadMessage(f"it is of version {told.version}, and {VERSION} is the newest known")
        for frame in told.frames:
            if frame[:1] != b"{" or frame[-1:] != b"}":
                raise BadMessage("a frame is not an object")
            frame.decode()  # what is not text would cost its reader the connection
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise BadMessage(str(fault)) from None
    if told.owner != owner:
        raise BadMessage("it is not for this owner")
    return told


def _seal(body: bytes | memoryview, key: bytes) -> bytes:
    return blake2b(body, digest_size=_SEAL_BYTES, key=key).digest()
