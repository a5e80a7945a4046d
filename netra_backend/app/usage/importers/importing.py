"""One file, from its bytes to batches of usage rows, and the account of what was taken and what was not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import msgspec

from ...core.limits import USUAL, Limits
from .format import Expand, Format, ImportOptions, Reading
from .formats.table import MAX_COLUMNS, columns_of
from .import_stats import ImportStats
from .reading.batch import Batch, Numbered, Record, batched
from .reading.page import Columns, Page, length, rows_of
from .reading.records import Head, Layout, read, with_head
from .reading.source import Progress, broken, chunks
from .reading.values import Times
from .registry import FORMATS, recognise
from .row import BadRow, NotUsage, UsageRow

PREVIEW_ROWS: Final = 5

_Refused = tuple[int, BadRow | NotUsage]
Sink = Callable[[Columns], None]
Tables = Callable[[Path, Progress], Iterator[Numbered]]
"""Reads the records of a Parquet file: the one layout that needs a driver."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose format is known: ``reading`` says how it is read, ``batches`` hold all of its records."""

    format: Format
    reason: str
    head: Head
    reading: Reading
    batches: Iterator[Batch]

    def as_dict(self) -> dict[str, Any]:
        """What was recognised, as plain JSON."""
        return {
            "format": self.format.name,
            "reason": self.reason,
            "layout": self.head.layout.value,
            "mapping": dict(self.reading.mapping),
            "notes": list(self.reading.notes),
            "priced_as": self.reading.priced_as,
        }


def open_file(
    path: Path,
    options: ImportOptions,
    now: datetime,
    progress: Progress,
    tables: Tables,
    formats: Sequence[Format] = FORMATS,
    *,
    limits: Limits = USUAL,
) -> Opened:
    """Recognise a file. Raises ``ToolError``: ``UNSUPPORTED_FORMAT``, ``BAD_ROWS``, ``INVALID_ARGUMENTS``."""
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    if parquet:
        head, batches = with_head(Layout.PARQUET, batched(tables(path, progress)))
    else:
        head, batches = read(chunks(path, progress, limits), limits)
    chosen, reason = recognise(head, options.format if options.format or not options.map else "table", formats)
    return Opened(chosen, reason, head, chosen.read(head, options, Times(now)), batches)


def import_rows(opened: Opened, sink: Sink, most_rows: int = USUAL.import_rows) -> ImportStats:
    """Give all rows to ``sink``, page by page. Raises ``ToolError`` (``BAD_ROWS``) if there is not one, or are more than
    ``most_rows``."""
    stats = ImportStats()
    for columns in _finished(opened, stats):
        stats.accept(columns)
        sink(columns)
        if stats.accepted > most_rows:
            raise broken(f"The file has more than {most_rows:,} rows.", "Import it in parts, by month or by team.")
    if not stats.accepted:
        account = stats.as_dict()
        first = (
            account["rejections"][0]["reason"] if account["rejections"] else "no record reports the usage of a model"
        )
        raise broken(
            f"None of the file's records can be used: {first}.",
            "Check the reasons below, and the format or the mapping of the columns.",
            columns=list(columns_of(opened.head))[:MAX_COLUMNS],
            **opened.as_dict(),
            **account,
        )
    return stats


def preview(opened: Opened) -> dict[str, Any]:
    """What was recognised and the first rows, as plain JSON; nothing is kept."""
    stats = ImportStats()
    records = opened.head.records
    head = replace(opened, batches=iter([Batch(range(1, len(records) + 1), records)]))
    rows: list[UsageRow] = []
    for columns in _finished(head, stats):
        stats.accept(columns)
        rows += rows_of(columns, min(PREVIEW_ROWS - len(rows), length(columns)))
    return {
        **opened.as_dict(),
        "preview": True,
        "columns": list(columns_of(opened.head))[:MAX_COLUMNS],
        "first_rows": msgspec.to_builtins(rows),
        "of_the_first_records": stats.as_dict(),
    }


def _finished(opened: Opened, stats: ImportStats) -> Iterator[Columns]:
    """Page after page, the records that are rows; the others are counted in the order of the file."""
    for batch in opened.batches:
        numbers, records, refused = _expanded(batch, opened.reading.expand)
        page = Page(records)
        columns = page.finished(opened.reading.convert(page)) if records else {}
        refused += ((numbers[place], fault) for place, fault in sorted(page.faults.items()))
        for number, fault in sorted(refused, key=itemgetter(0)):
            stats.refuse(number, fault)
        if len(records) > len(page.faults):
            yield columns


def _expanded(batch: Batch, expand: Expand | None) -> tuple[Sequence[int], Sequence[Record], list[_Refused]]:
    """Records that hold one row at most, their numbers, and what is no record at all."""
    refused: list[_Refused] = list(batch.refused)
    if expand is None:
        return batch.numbers, batch.records, refused
    numbers: list[int] = []
    records: list[Record] = []
    for number, record in zip(batch.numbers, batch.records, strict=True):
        try:
            for part in expand(record):
                numbers.append(number)
                records.append(part)
        except (BadRow, NotUsage) as fault:
            refused.append((number, fault.with_traceback(None)))
    return numbers, records, refused
