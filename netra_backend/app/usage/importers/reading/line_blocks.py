"""The lines of a file, many at once."""

from __future__ import annotations

from collections.abc import Iterator

from ....core.limits import USUAL, told_size
from .source import broken


def blocks(chunks: Iterator[bytes], most_bytes: int = USUAL.import_line_bytes) -> Iterator[bytes]:
    """The bytes of whole lines, without what ends the last of them; what stands behind the last line end comes last.
    A line that does not end in the chunk it began in has at most ``most_bytes``, so that none fills the memory. Raises
    ``ToolError`` (``BAD_ROWS``)."""
    begun: list[bytes] = []
    size = 0
    for chunk in chunks:
        whole, ended, rest = chunk.rpartition(b"\n")
        size = len(rest) if ended else size + len(rest)
        if size > most_bytes:
            raise broken(f"A line is longer than {told_size(most_bytes)}.")
        if ended:
            yield b"".join((*begun, whole))
            begun.clear()
        begun.append(rest)
    yield b"".join(begun)
