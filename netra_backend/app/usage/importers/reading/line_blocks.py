"""The lines of a file, many at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .source import broken

MAX_LINE: Final = 32 << 20
"""Bytes of a line that does not end in the chunk it began in; a longer one is refused before it fills the memory."""


def blocks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of whole lines, without what ends the last of them; what stands behind the last line end comes last.
    Raises ``ToolError`` (``BAD_ROWS``) if a line does not end."""
    begun: list[bytes] = []
    size = 0
    for chunk in chunks:
        whole, ended, rest = chunk.rpartition(b"\n")
        size = len(rest) if ended else size + len(rest)
        if size > MAX_LINE:
            raise broken(f"A line is longer than {MAX_LINE >> 20} MiB.")
        if ended:
            yield b"".join((*begun, whole))
            begun.clear()
        begun.append(rest)
    yield b"".join(begun)
