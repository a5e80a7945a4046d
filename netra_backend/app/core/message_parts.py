"""The parts of a message: text, data, and files that its user has uploaded.

A message that is one text has no parts. Else its text is that of its text parts, and ``user_message`` has all of them in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from .files import StoredFile

MAX_PARTS: Final = 32


class Part(msgspec.Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    """Base of what a client may put into a message."""


class TextPart(Part, frozen=True, tag="text"):
    text: Annotated[str, Meta(min_length=1)]


class DataPart(Part, frozen=True, tag="data"):
    """JSON for the agent: not shown as text."""

    data: Any


class FilePart(Part, frozen=True, tag="file"):
    """A file that was uploaded before, of the same user and of no other message."""

    file_id: Annotated[str, Meta(max_length=128)]


AnyPart = TextPart | DataPart | FilePart
Parts = Annotated[tuple[AnyPart, ...], Meta(max_length=MAX_PARTS)]


def file_ids_of(parts: Sequence[AnyPart]) -> list[str]:
    """The files that a message names, each once."""
    return list(dict.fromkeys(part.file_id for part in parts if type(part) is FilePart))


def text_of(message: str, parts: Sequence[AnyPart]) -> str:
    """What a message says in words: paragraphs, in order."""
    texts = [part.text for part in parts if type(part) is TextPart]
    return "\n\n".join([message, *texts] if message else texts)


def recorded_parts(message: str, parts: Sequence[AnyPart], files: Sequence[StoredFile]) -> list[dict[str, Any]]:
    """The parts as ``user_message`` has them: a file with its type, size and digest, and the message as the first text. Empty if
    the message is one text."""
    if not parts:
        return []
    found = {file.file_id: file for file in files}
    recorded: list[dict[str, Any]] = [{"type": "text", "text": message}] if message else []
    for part in parts:
        each: dict[str, Any] = msgspec.to_builtins(part)
        if type(part) is FilePart:
            file = found[part.file_id]
            each |= {"media": file.media, "bytes": file.size, "sha256": file.sha256}
        recorded.append(each)
    return recorded


def read_parts(text: str, recorded: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts of a message that was recorded so."""
    return [dict(part) for part in recorded] or [{"type": "text", "text": text}]
