"""Writes batches of usage rows into a new database file, while the next batch is being read.

Rows go from here to the engine as JSON Lines in a file: encoding them costs a microsecond a row, and the engine parses them in
a thread of its own without holding the interpreter. (One executed statement a row costs a hundred times as much.)
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from ..core.errors import ToolFault
from ..usage.importers.records import Numbered
from ..usage.importers.row import UsageRow
from ..usage.importers.source import Progress, broken
from ..usage.rows import COLUMNS

ENGINE_BOUNDS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": 1,
    "memory_limit": "384MB",
    "preserve_insertion_order": "true",
}
_COLUMNS_OF_JSON: Final = "{" + ", ".join(f"'{name}': '{type_}'" for name, type_ in COLUMNS.items()) + "}"
_FETCHED: Final = 8_192


class RowsWriter:
    """One new database file. ``write`` takes batches; ``finish`` makes the file whole and tells what it holds."""

    def __init__(self, file: Path) -> None:
        self._connection = duckdb.connect(str(file), config={**ENGINE_BOUNDS, "temp_directory": str(file.parent)})
        self._connection.execute(
            f"CREATE TABLE usage_rows ({', '.join(f'{name} {type_}' for name, type_ in COLUMNS.items())})"
        )
        self._batches = file.parent
        self._encode = msgspec.json.Encoder().encode_lines
        self._waiting: queue.Queue[Path | None] = queue.Queue(maxsize=1)
        self._fault: BaseException | None = None
        self._count = 0
        self._thread = threading.Thread(target=self._insert_all, daemon=True)
        self._thread.start()

    def write(self, batch: list[UsageRow]) -> None:
        """Hand one batch over; returns before it is in the file."""
        if self._fault is not None:
            raise self._fault
        self._count += 1
        lines = self._batches / f"batch-{self._count}.jsonl"
        lines.write_bytes(self._encode(batch))
        self._waiting.put(lines)

    def finish(self) -> tuple[datetime, datetime, list[str]]:
        """First and last time, and the columns that hold anything. The file is whole and durable afterwards."""
        self._waiting.put(None)
        self._thread.join()
        if self._fault is not None:
            raise self._fault
        counts = ", ".join(f"count({name})" for name in COLUMNS)
        told = self._connection.execute(f"SELECT min(ts), max(ts), {counts} FROM usage_rows").fetchone()  # noqa: S608
        assert told is not None  # an aggregate has one row
        self._connection.close()
        return told[0], told[1], [name for name, count in zip(COLUMNS, told[2:], strict=True) if count]

    def _insert_all(self) -> None:
        source = f"read_json(?, format = 'newline_delimited', columns = {_COLUMNS_OF_JSON})"
        statement = f"INSERT INTO usage_rows SELECT * FROM {source}"  # noqa: S608
        while (lines := self._waiting.get()) is not None:
            if self._fault is None:
                try:
                    self._connection.execute(statement, [str(lines)])
                except BaseException as fault:
                    self._fault = fault
            lines.unlink()


def parquet_records(path: Path, progress: Progress) -> Iterator[Numbered]:
    """The records of a Parquet file. Raises ``ToolFault`` (``BAD_ROWS``) where it is damaged."""
    try:
        with duckdb.connect(":memory:", config=ENGINE_BOUNDS) as connection:
            total = _one(connection, "SELECT count(*) FROM read_parquet(?)", path)
            rows = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
            names = [column[0] for column in rows.description or ()]
            number = 0
            while batch := rows.fetchmany(_FETCHED):
                for values in batch:
                    number += 1
                    yield number, dict(zip(names, values, strict=True))
                progress(number, total)
    except duckdb.Error as error:
        raise damaged(error) from None


def _one(connection: duckdb.DuckDBPyConnection, statement: str, path: Path) -> Any:
    row = connection.execute(statement, [str(path)]).fetchone()
    return row[0] if row else 0


def damaged(error: duckdb.Error) -> ToolFault:
    """The answer to a Parquet file that the engine cannot read."""
    return broken(f"The Parquet file is damaged or ends too early ({type(error).__name__}).")
