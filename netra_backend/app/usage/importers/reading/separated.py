"""Separated values with a header.

Where some lines hold nothing but values and what separates them, the lines are split and turned into columns at once; where one
holds a quote, a carriage return, or another number of fields, they are read one by one. Both ways give the same records.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Final

from ....core.limits import USUAL, Limits
from ..row import BadRow
from .batch import Batch, Numbered, Table, batched, pages
from .source import broken, unsupported

_SPECIAL: Final = ('"', "\r", "\0")
"""What makes separated values more than lines that are split."""


def delimiter_of(first: bytes) -> str:
    """What separates the values of a file that begins with ``first``."""
    header = first.lstrip().partition(b"\n")[0].decode("utf-8", "replace")
    return max(",;\t|", key=header.count)


def separated(blocks: Iterator[bytes], delimiter: str, limits: Limits = USUAL) -> Iterator[Batch]:
    """The records of all rows below the header. A row of another width is one bad row.

    Raises ``ToolError``: ``UNSUPPORTED_FORMAT`` if the first line is no header, ``BAD_ROWS`` for a field without end.
    """
    most = limits.import_field_characters
    csv.field_size_limit(most)
    lines = _Lines(blocks)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        header = [name.strip() for name in next((row for row in reader if row), ["-"])]
        if len(header) > limits.import_columns or len(set(header)) != len(header) or not all(header):
            raise unsupported(
                "The first line is not a header: names are missing, repeated, or too many.",
                "Give every column its own name in the first line.",
                header=header[:50],
            )
        while page := lines.ahead():
            number = lines.given + 1
            table = _table(page, header, delimiter, most)
            if table is not None:
                lines.skip(len(page))
                yield Batch(range(number, number + len(page)), table)
            else:
                yield from batched(_one_by_one(reader, lines, lines.given + len(page), header))
    except csv.Error as error:
        raise broken(f"The table is damaged near line {lines.given}: {error}.") from None


def _table(lines: list[str], header: list[str], delimiter: str, most: int) -> Table | None:
    """The lines as columns, if each is a row of plain values."""
    together = "\n".join(lines)
    if any(map(together.__contains__, _SPECIAL)) or max(map(len, lines)) > most:
        return None
    rows = [line.split(delimiter) for line in lines]
    if len(header) < 2 or set(map(len, rows)) != {len(header)}:
        return None
    return Table(dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)), len(rows))


def _one_by_one(reader: Iterator[list[str]], lines: _Lines, until: int, header: list[str]) -> Iterator[Numbered]:
    """The rows that begin on the lines before ``until`` is reached; the last of them may end behind it."""
    width = len(header)
    while lines.given < until and (values := next(reader, None)) is not None:
        if len(values) == width:
            yield lines.given, dict(zip(header, values, strict=True))
        elif values and values != [""]:
            yield lines.given, BadRow("the row and the header have different numbers of fields", len(values))


class _Lines:
    """The lines of a text: one by one for whoever iterates, or some of them at once. ``given``: how many are consumed."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.given = 0
        self._pages = (page for block in blocks for page in pages(_decoded(block)))
        self._page: list[str] = []
        self._at = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._at == len(self._page) and not self.ahead():
            raise StopIteration
        line = self._page[self._at]
        self.skip(1)
        return line + "\n"

    def ahead(self) -> list[str]:
        """Some of the lines that come next; none at the end."""
        if self._at == len(self._page):
            self._page, self._at = next(self._pages, []), 0
        return self._page[self._at :] if self._at else self._page

    def skip(self, count: int) -> None:
        """Consume lines that ``ahead`` told."""
        self._at += count
        self.given += count


def _decoded(block: bytes) -> list[str]:
    try:
        return block.decode().split("\n")
    except UnicodeDecodeError:
        return [line.decode("utf-8", "replace") for line in block.split(b"\n")]
