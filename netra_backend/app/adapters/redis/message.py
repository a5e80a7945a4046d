"""One message of a bus: committed events of one thread, on their way from one process to the others, encrypted.

The frames travel as they are stored and sent, encoded once; Redis can neither read nor change them. A message
comes from outside all the same: ``Opener`` takes nothing that could not have been made here.

In the clear are the channel, which begins with the owner's id, the sender, and how long a message is.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...core.history import Chunk
from ...core.ids import MAX_LENGTH
from ...core.recent import Recent

SENDER_BYTES: Final = 16
_COUNT_BYTES: Final = 12
"""AES-GCM's nonce (NIST SP 800-38D, 8.2.1): each sender counts its messages under a key of its own, so none comes twice."""
_HEAD: Final = SENDER_BYTES + _COUNT_BYTES
VERSION: Final = 2
"""The newest version of a message that this process knows. Those of version 1 were sealed and not encrypted; neither kind is
taken for the other, so while processes of both are up, they read each other's events from the log."""
MAX_FRAMES: Final = 1024
MAX_MESSAGE_BYTES: Final = 2 * 1024 * 1024
"""More than a chunk can have: its bound, and one event of the largest size that begins within it."""
_MOST_SENDERS: Final = 256

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LENGTH)]
_Frames = Annotated[list[bytes], msgspec.Meta(min_length=1, max_length=MAX_FRAMES)]


class Told(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a message says. ``version`` keeps its place in all versions."""

    owner: _Id
    thread_id: _Id
    epoch: _Id
    first: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    frames: _Frames
    version: Annotated[int, msgspec.Meta(ge=2)] = VERSION


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Told)


class BadMessage(ValueError):
    """Not one of ours, or of a newer process of ours: what it would have told is read from the log."""


class Sealer:
    """Makes messages. ``sender``, random and of ``SENDER_BYTES``, names the process, and no other sealer of this ``key``."""

    def __init__(self, key: bytes, sender: bytes) -> None:
        self.sender = sender
        self._cipher = _cipher(key, sender)
        self._count = 0

    def message(self, chunk: Chunk) -> bytes:
        """The message of one committed chunk."""
        owner = chunk.head.owner
        self._count += 1
        nonce = self._count.to_bytes(_COUNT_BYTES, "big")
        told = Told(owner, chunk.head.thread_id, chunk.head.epoch, chunk.first, chunk.frames)
        return self.sender + nonce + self._cipher.encrypt(nonce, _ENCODER.encode(told), owner.encode())

    def is_from(self, message: bytes) -> bool:
        """Whether this sealer made it: nothing more is to be done with it then."""
        return message.startswith(self.sender)


class Opener:
    """Reads the messages of all processes that have the ``key``."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._senders: Recent[bytes, tuple[AESGCM, int]] = Recent(_MOST_SENDERS)

    def open(self, message: bytes, owner: str) -> Told:
        """What the message says. Raises ``BadMessage`` if it was not made with the key, is not for this owner, was heard before,
        or is of a version that is not known here."""
        if not _HEAD < len(message) <= MAX_MESSAGE_BYTES:
            raise BadMessage("it is too short or too long")
        sender = message[:SENDER_BYTES]
        cipher, heard = self._senders.get(sender) or (_cipher(self._key, sender), 0)
        nonce = message[SENDER_BYTES:_HEAD]
        count = int.from_bytes(nonce, "big")
        if count <= heard:
            raise BadMessage("it was heard before")
        try:
            body = cipher.decrypt(nonce, message[_HEAD:], owner.encode())
        except InvalidTag:
            raise BadMessage("it was not made with this key for this owner") from None
        self._senders.put(sender, (cipher, count))
        try:
            told = _DECODER.decode(body)
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


def _cipher(key: bytes, sender: bytes) -> AESGCM:
    return AESGCM(blake2b(sender, digest_size=32, key=key, person=b"netra bus").digest())
