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
    for batch in _batches(opened, tally):
        tally.accept(batch)
        sink(batch)
        if tally.accepted > MAX_ROWS:
            raise broken(f"The file holds more than {MAX_ROWS:,} rows.", "Import it in parts, by month or by team.")
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
    rows = [row for batch in _batches(head, tally) for row in batch]
    tally.accept(rows)
    return {
        **opened.told(),
        "preview": True,
        "columns": list(opened.head.columns)[:200],
        "first_rows": msgspec.to_builtins(rows[:PREVIEW_ROWS]),
        "of_the_first_records": tally.told(),
    }


def _batches(opened: Opened, tally: Tally) -> Iterator[list[UsageRow]]:
    # One loop and no call a row that could be spared: this is where a million rows spend their time.
    convert, expand = opened.reading.convert, opened.reading.expand
    batch: list[UsageRow] = []
    for number, record in opened.records:
        try:
            if isinstance(record, BadRow):
                raise record
            if expand is None:
                batch.append(convert(record))
            else:
                for part in expand(record):
                    _convert_part(part, number, convert, batch, tally)
        except BadRow as bad:
            tally.reject(number, bad)
        except NotUsage as other:
            tally.skip(other)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _convert_part(
    part: Record, number: int, convert: Callable[[Record], UsageRow], batch: list[UsageRow], tally: Tally
) -> None:
    try:
        batch.append(convert(part))
    except BadRow as bad:
        tally.reject(number, bad)
    except NotUsage as other:
        tally.skip(other)
