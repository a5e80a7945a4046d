"""From the bytes of a file to its records: JSON Lines, JSON documents, and separated values with a header."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from ....core.limits import USUAL, Limits
from .batch import Batch, Record, batched
from .json_lines import json_lines, judged
from .json_stream import elements
from .line_blocks import blocks
from .separated import delimiter_of, separated
from .source import unsupported

HEAD_RECORDS: Final = 50


class Layout(StrEnum):
    """How records lie in the file."""

    JSON_LINES = "json_lines"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Head:
    """The first records of a file, by which its format is recognised."""

    layout: Layout
    records: tuple[Record, ...]
    columns: tuple[str, ...] = field(default=())

    def has(self, *names: str) -> bool:
        """Whether the first record, or the header, has all of these names."""
        return all(name in self.columns for name in names)


def read(chunks: Iterator[bytes], limits: Limits = USUAL) -> tuple[Head, Iterator[Batch]]:
    """The head of a file, and all of its records.

    Raises ``ToolError``: ``UNSUPPORTED_FORMAT`` for something that is neither JSON nor text with a header, ``BAD_ROWS``
    while iterating if a document is damaged or ends in the middle.
    """
    first = next(chunks, b"").removeprefix(b"\xef\xbb\xbf")
    layout = _layout(first)
    chunks = itertools.chain((first,), chunks)
    if layout is Layout.CSV:
        batches = separated(blocks(chunks, limits.import_line_bytes), delimiter_of(first), limits)
    elif layout is Layout.JSON:
        batches = batched(judged(enumerate(elements(chunks, limits.import_line_bytes), 1)))
    else:
        batches = json_lines(blocks(chunks, limits.import_line_bytes))
    return with_head(layout, batches)


def with_head(layout: Layout, batches: Iterator[Batch]) -> tuple[Head, Iterator[Batch]]:
    """The head of records that are there already, and all of the records."""
    ahead: list[Batch] = []
    examined = 0
    while examined < HEAD_RECORDS and (batch := next(batches, None)) is not None:
        ahead.append(batch)
        examined += len(batch.numbers) + len(batch.refused)
    seen = tuple(itertools.islice(itertools.chain.from_iterable(batch.records for batch in ahead), HEAD_RECORDS))
    columns = dict.fromkeys(name for record in seen for name in record)
    if not columns and layout is Layout.CSV:
        raise unsupported("The file has no rows, or only a header.", "Export a period with usage.")
    return Head(layout, seen, tuple(columns)), itertools.chain(ahead, batches)


def _layout(first: bytes) -> Layout:
    start = first.lstrip()[:1]
    if not start:
        raise unsupported("The file contains only white space.", "Export it again.")
    if b"\0" in first:
        raise unsupported(
            "The file is binary, or is text in UTF-16.",
            "Import JSON, JSON Lines, CSV in UTF-8 or Parquet, uncompressed or packed with gzip or zip.",
        )
    if start == b"[":
        return Layout.JSON
    if start == b"{":
        line = first.lstrip().partition(b"\n")[0]
        try:
            msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            # Either a document over many lines or a damaged first line: the second line tells.
            second = first.lstrip().partition(b"\n")[2].lstrip(b" \t\r")[:1]
            return Layout.JSON_LINES if second == b"{" else Layout.JSON
        return Layout.JSON_LINES
    try:
        first[:65_536].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < min(len(first), 65_536):
            raise unsupported("The file is neither JSON nor text in UTF-8.", "Save it as CSV in UTF-8.") from None
    return Layout.CSV
