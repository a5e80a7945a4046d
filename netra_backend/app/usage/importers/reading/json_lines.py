"""JSON Lines: a record a line, or a page of an API or a batch of spans with several."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import msgspec

from ..row import BadRow
from .batch import Batch, Numbered, batched, pages
from .json_stream import CONTAINERS
from .schema_cache import FAULTS, SchemaCache

PAGE_MEMBERS: Final = 8
"""Members of an outer object in a line; one with more is itself a record."""

_decode: Final = msgspec.json.Decoder().decode


def json_lines(blocks: Iterator[bytes]) -> Iterator[Batch]:
    """The records of all lines. A line that is none is one bad row."""
    number = 1
    schema = SchemaCache()
    for block in blocks:
        for lines in pages(block.split(b"\n")):
            records = schema.table(lines) or _records(lines)
            if records is None:
                yield from batched(_one_by_one(number, lines))
            else:
                if isinstance(records, list):
                    schema.learn(records)
                yield Batch(range(number, number + len(lines)), records)
            number += len(lines)


def _records(lines: list[bytes]) -> list[Any] | None:
    """The record of each line, if each is a line with one record and nothing else."""
    try:
        records = list(map(_decode, lines))
    except FAULTS:
        return None
    if set(map(type, records)) != {dict}:
        return None
    return records if min(map(len, records)) > PAGE_MEMBERS or all(map(CONTAINERS.isdisjoint, records)) else None


def _one_by_one(number: int, lines: list[bytes]) -> Iterator[Numbered]:
    for place, line in enumerate(lines, number):
        try:
            record = _decode(line)
        except FAULTS:
            if line.strip():
                yield place, BadRow("the line is not JSON", line[:80].decode("utf-8", "replace"))
            continue
        # A page has few members; to look for a container in every wide record would cost more than to decode it.
        if type(record) is dict and (len(record) > PAGE_MEMBERS or CONTAINERS.isdisjoint(record)):
            yield place, record
        else:
            yield from judged((place, part) for part in _contained(record))


def _contained(record: Any) -> Iterator[Any]:
    if isinstance(record, dict):
        lists = [value for name, value in record.items() if name in CONTAINERS and isinstance(value, list)]
        yield from chain.from_iterable(lists) if lists else (record,)
    elif isinstance(record, list):
        yield from record
    else:
        yield record


def judged(numbered: Iterator[tuple[int, Any]]) -> Iterator[Numbered]:
    """Each value with its number; one that is no record is a bad row."""
    for number, record in numbered:
        yield number, record if isinstance(record, dict) else BadRow("the record is not a JSON object", record)
