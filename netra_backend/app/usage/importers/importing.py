"""One file, from its bytes to batches of usage rows, and the account of what was taken and what was not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from .format import Format, ImportOptions, Reading
from .records import Head, Layout, Numbered, Record, read, with_head
from .registry import recognise
from .row import BadRow, NotUsage, UsageRow
from .source import Progress, broken, chunks
from .tally import Tally
from .values import Times

BATCH: Final = 32_768
MAX_ROWS: Final = 100_000_000
PREVIEW_ROWS: Final = 5

Sink = Callable[[list[UsageRow]], None]
Tables = Callable[[Path, Progress], Iterator[Numbered]]
"""Reads the records of a Parquet file: the one layout that needs a driver."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose format is known: ``reading`` says how it is read, ``records`` are all of its records."""

    format: Format
    reason: str
    head: Head
    reading: Reading
    records: Iterator[Numbered]

    def told(self) -> dict[str, Any]:
        """What was recognised, as plain JSON."""
        return {
            "format": self.format.name,
            "reason": self.reason,
            "layout": self.head.layout.value,
            "mapping": dict(self.reading.mapping),
            "notes": list(self.reading.notes),
            "priced_as": self.reading.priced_as,
        }


def open_file(path: Path, options: ImportOptions, now: datetime, progress: Progress, tables: Tables) -> Opened:
    """Recognise a file. Raises ``ToolFault``: ``UNSUPPORTED_FORMAT``, ``BAD_ROWS``, ``INVALID_ARGUMENTS``."""
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    head, records = with_head(Layout.PARQUET, tables(path, progress)) if parquet else read(chunks(path, progress))
    chosen, reason = recognise(head, options.format if options.format or not options.map else "table")
    return Opened(chosen, reason, head, chosen.read(head, options, Times(now)), records)


def import_rows(opened: Opened, sink: Sink) -> Tally:
    """Give all rows to ``sink``, in batches. Raises ``ToolFault`` (``BAD_ROWS``) where there is not one."""
    tally = Tally()
    batch: list[UsageRow] = []
    for row in _rows(opened, tally):
        batch.append(row)
        if len(batch) == BATCH:
            tally.accept(batch)
            sink(batch)
            batch = []
            if tally.accepted > MAX_ROWS:
                raise broken(f"The file holds more than {MAX_ROWS:,} rows.", "Import it in parts, by month or by team.")
    if batch:
        tally.accept(batch)
        sink(batch)
    if not tally.accepted:
        told = tally.told()
        first = told["rejections"][0]["reason"] if told["rejections"] else "no record tells the usage of a model"
        raise broken(
            f"Not one record of the file can be a usage row: {first}.",
            "Check the reasons in the details, and the format or the mapping.",
            **opened.told(),
            **told,
        )
    return tally


def preview(opened: Opened) -> dict[str, Any]:
    """What was recognised and the first rows, as plain JSON; nothing is kept."""
    tally = Tally()
    head = Opened(opened.format, opened.reason, opened.head, opened.reading, enumerate(opened.head.records, 1))
    rows = list(_rows(head, tally))
    tally.accept(rows)
    return {
        **opened.told(),
        "preview": True,
        "columns": list(opened.head.columns)[:200],
        "first_rows": msgspec.to_builtins(rows[:PREVIEW_ROWS]),
        "of_the_first_records": tally.told(),
    }


def _rows(opened: Opened, tally: Tally) -> Iterator[UsageRow]:
    convert, expand = opened.reading.convert, opened.reading.expand
    for number, record in opened.records:
        if isinstance(record, BadRow):
            tally.reject(number, record)
            continue
        try:
            parts: tuple[Record, ...] = (record,) if expand is None else tuple(expand(record))
        except BadRow as bad:
            tally.reject(number, bad)
            continue
        for part in parts:
            try:
                row = convert(part)
            except BadRow as bad:
                tally.reject(number, bad)
            except NotUsage as other:
                tally.skip(other)
            else:
                yield row
