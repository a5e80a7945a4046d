"""Files that users attach: which media types are taken, and whether a file's first bytes are of its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PART_BYTES: Final = 262_144
"""What a store takes and gives at once."""

HEAD_BYTES: Final = 512
"""So many first bytes say what a file is."""

KEPT_MS: Final = 24 * 3600 * 1000
"""How long a file is kept that no message has claimed."""

RESERVED_MS: Final = 10 * 60 * 1000
"""How long a file is reserved for a run that does not exist: its process may have ended before the message was stored."""

Signature = tuple[tuple[int, bytes], ...]
"""What stands at which offsets."""

_ZIP: Final[Signature] = ((0, b"PK\x03\x04"),)
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."

SIGNATURES: Final[Mapping[str, tuple[Signature, ...]]] = {
    "image/png": (((0, b"\x89PNG\r\n\x1a\n"),),),
    "image/jpeg": (((0, b"\xff\xd8\xff"),),),
    "image/gif": (((0, b"GIF87a"),), ((0, b"GIF89a"),)),
    "image/webp": (((0, b"RIFF"), (8, b"WEBP")),),
    "application/pdf": (((0, b"%PDF-"),),),
    "audio/wav": (((0, b"RIFF"), (8, b"WAVE")),),
    "audio/mpeg": (((0, b"ID3"),), ((0, b"\xff\xfb"),), ((0, b"\xff\xf3"),), ((0, b"\xff\xf2"),)),
    f"{_OFFICE}wordprocessingml.document": (_ZIP,),
    f"{_OFFICE}spreadsheetml.sheet": (_ZIP,),
    f"{_OFFICE}presentationml.presentation": (_ZIP,),
}
"""Types whose files begin in a way of their own; one of the signatures of each."""

TEXTS: Final = frozenset({"text/plain", "text/csv", "text/markdown", "application/json"})
"""Types without a signature: their files are text, and begin like none of the others."""

MEDIA_TYPES: Final = frozenset(SIGNATURES) | TEXTS
"""All types that are taken: none that a browser would run."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a user's. ``thread_id`` is the thread of the message that claimed it, or empty."""

    file_id: str
    owner: str
    media: str
    sha256: str
    size: int
    created_ms: int
    thread_id: str = ""


def essence_of(content_type: str) -> str:
    """The media type of a ``Content-Type`` header, in lower case and without its parameters (RFC 9110, section 8.3)."""
    return content_type.partition(";")[0].strip().lower()


def begins_as(media: str, head: bytes) -> bool:
    """Whether a file of this type, one of ``MEDIA_TYPES``, may begin with these bytes."""
    if media in TEXTS:
        return b"\x00" not in head and not any(_begins(head, each) for each in SIGNATURES.values())
    return _begins(head, SIGNATURES[media])


def _begins(head: bytes, signatures: tuple[Signature, ...]) -> bool:
    return any(all(head.startswith(mark, at) for at, mark in signature) for signature in signatures)
