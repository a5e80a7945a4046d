"""Blobs: bytes that belong to an event and are too large, or too exact, to stand in it.

A blob is stored in the commit of its event, under the digest of its body. The event names it by a ``BlobRef``, so that readers
of the event get the name and not the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from . import validation
from .errors import LimitRefused

EXACT: Final = "application/vnd.netra.exact+json"
"""The media type of JSON that is kept for replays alone: what was shown of it, redacted, stands in its event. It is in exports,
and nobody is given it otherwise."""
BLOBS_AN_EVENT: Final = 8
BLOBS_A_PAGE: Final = 100
"""Blobs that ``ports.EventLog.blob_refs`` names at once."""

_is_media_type: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}").fullmatch
_is_ref: Final = re.compile("[0-9a-f]{64}").fullmatch


class BlobRef(msgspec.Struct, frozen=True):
    """A blob as an event names it: ``ref`` is the lower-case hexadecimal SHA-256 of the body, ``size`` its bytes."""

    ref: str
    size: int
    media: str


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes with their media type; made by ``of``."""

    ref: str
    media: str
    body: bytes

    @classmethod
    def of(cls, body: bytes, media: str) -> Blob:
        """The blob of this body. Raises ``ValueError`` if ``media`` is no media type in lower case without parameters
        (RFC 6838, section 4.2)."""
        if media is not EXACT and not is_media_type(media):
            raise ValueError(f"{media[:64]!r} is not a media type in lower case without parameters")
        return cls(sha256(body).hexdigest(), media, body)

    @property
    def named(self) -> BlobRef:
        """What stands in the event."""
        return BlobRef(self.ref, len(self.body), self.media)


def is_media_type(text: str) -> bool:
    """Whether this is a media type in lower case, without parameters (RFC 6838, section 4.2)."""
    return _is_media_type(text) is not None


def is_ref(text: str) -> bool:
    """Whether a blob may have this ``ref``. What it is not is nobody's, and is not asked for."""
    return _is_ref(text) is not None


def check_bounds(blobs: Sequence[Blob], limit: int) -> None:
    """Raises ``LimitRefused`` (``payload_too_large``) if one of an event's blobs is larger than ``limit`` bytes, and
    ``ValueError`` if they are more than ``BLOBS_AN_EVENT``."""
    if len(blobs) > BLOBS_AN_EVENT:
        raise ValueError(f"an event has at most {BLOBS_AN_EVENT} blobs")
    for blob in blobs:
        if len(blob.body) > limit:
            raise LimitRefused(
                f"A blob has at most {limit} bytes; this one has {len(blob.body)}.",
                kind="payload_too_large",
                hint="Record less at once, or raise NETRA_LIMIT_BLOB_BYTES.",
                point=validation.BLOB_SIZE,
            )
