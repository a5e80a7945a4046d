"""From the bytes of a file to its records: JSON Lines, JSON documents, and separated values with a header."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec

from .json_stream import CONTAINERS, elements
from .row import BadRow
from .source import broken, unsupported

MAX_LINE: Final = 32 << 20
MAX_FIELD: Final = 1 << 20
MAX_COLUMNS: Final = 1_000
HEAD_RECORDS: Final = 50
PAGE_MEMBERS: Final = 8
"""Members of an outer object in a line; one with more is itself a record."""

Record = Mapping[str, Any]
Numbered = tuple[int, Record | BadRow]
"""The number of a line or element, and what stood there."""


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


def read(chunks: Iterator[bytes]) -> tuple[Head, Iterator[Numbered]]:
    """The head of a file, and all of its records.

    Raises ``ToolFault``: ``UNSUPPORTED_FORMAT`` for something that is neither JSON nor text with a header, ``BAD_ROWS``
    while iterating, where a document is damaged or ends in the middle.
    """
    first = next(chunks, b"").removeprefix(b"\xef\xbb\xbf")
    layout = _layout(first)
    chunks = itertools.chain((first,), chunks)
    if layout is Layout.CSV:
        numbered = _separated(_lines(chunks), _delimiter(first))
    elif layout is Layout.JSON:
        numbered = _judged(enumerate(elements(chunks), 1))
    else:
        numbered = _json_lines(_lines(chunks))
    return with_head(layout, numbered)


def with_head(layout: Layout, numbered: Iterator[Numbered]) -> tuple[Head, Iterator[Numbered]]:
    """The head of records that are there already, and all of the records."""
    ahead = list(itertools.islice(numbered, HEAD_RECORDS))
    seen = tuple(record for _, record in ahead if not isinstance(record, BadRow))
    columns = dict.fromkeys(name for record in seen for name in record)
    if not columns and layout is Layout.CSV:
        raise unsupported("The file holds a header at most, and no rows.", "Export a period with usage.")
    return Head(layout, seen, tuple(columns)), itertools.chain(ahead, numbered)


def _layout(first: bytes) -> Layout:
    start = first.lstrip()[:1]
    if not start:
        raise unsupported("The file holds nothing but space.", "Export it again.")
    if b"\0" in first:
        raise unsupported(
            "The file is binary, or text in UTF-16.",
            "Import JSON, JSON Lines, CSV in UTF-8 or Parquet, plain or packed by gzip or zip.",
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


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    tail = b""
    for chunk in chunks:
        lines = (tail + chunk).split(b"\n")
        tail = lines.pop()
        if len(tail) > MAX_LINE:
            raise broken(f"A line is longer than {MAX_LINE >> 20} MiB.")
        yield from lines
    yield tail


def _json_lines(lines: Iterator[bytes]) -> Iterator[Numbered]:
    decode = msgspec.json.Decoder().decode
    for number, line in enumerate(lines, 1):
        try:
            record = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if line.strip():
                yield number, BadRow("the line is not JSON", line[:80].decode("utf-8", "replace"))
            continue
        # A page has few members; to look for a container in every wide record would cost more than to decode it.
        if type(record) is dict and (len(record) > PAGE_MEMBERS or CONTAINERS.isdisjoint(record)):
            yield number, record
        else:
            yield from _judged((number, part) for part in _contained(record))


def _contained(record: Any) -> Iterator[Any]:
    if isinstance(record, dict):
        lists = [value for name, value in record.items() if name in CONTAINERS and isinstance(value, list)]
        yield from itertools.chain.from_iterable(lists) if lists else (record,)
    elif isinstance(record, list):
        yield from record
    else:
        yield record


def _judged(numbered: Iterator[tuple[int, Any]]) -> Iterator[Numbered]:
    for number, record in numbered:
        yield number, record if isinstance(record, dict) else BadRow("the record is not a JSON object", record)


def _delimiter(first: bytes) -> str:
    header = first.lstrip().partition(b"\n")[0].decode("utf-8", "replace")
    return max(",;\t|", key=header.count)


def _separated(lines: Iterator[bytes], delimiter: str) -> Iterator[Numbered]:
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader((line.decode("utf-8", "replace") + "\n" for line in lines), delimiter=delimiter)
    try:
        header = [name.strip() for name in next((row for row in reader if row), ["-"])]
        if len(header) > MAX_COLUMNS or len(set(header)) != len(header) or not all(header):
            raise unsupported(
                "The first line is not a header: names are missing, doubled, or too many.",
                "Give every column a name of its own in the first line.",
                header=header[:50],
            )
        width = len(header)
        for values in reader:
            if len(values) == width:
                yield reader.line_num, dict(zip(header, values, strict=False))
            elif values and values != [""]:
                yield reader.line_num, BadRow("the row has another number of fields than the header", len(values))
    except csv.Error as error:
        raise broken(f"The separated values are damaged near line {reader.line_num}: {error}.") from None
