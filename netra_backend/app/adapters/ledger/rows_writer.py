"""Writes pages of usage rows into a new database file, while the next page is being read.

Pages go from here to the engine as JSON Lines in a file, a page a line, a list for each column: encoding that costs little, and
the engine parses it in a thread of its own without holding the interpreter. (Arrays by reference cost less in all, but are read
while nothing else may run; one executed statement a row costs a hundred times as much.)
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec
import numpy as np

from ...core.errors import ToolError
from ...core.limits import USUAL
from ...usage.importers.reading.batch import Numbered
from ...usage.importers.reading.page import Column, Columns, length
from ...usage.importers.reading.source import Progress, broken
from ...usage.rows import COLUMNS

INSERTED: Final = 16_384
"""Rows that are inserted together, at least: a statement costs as much as a hundred rows."""
WAITING: Final = 8
"""Batches that may wait, as files, while the engine compresses a row group, which holds that many; reading goes on meanwhile."""
LINE_BLOCKS: Final = 1 << 18
"""Hashes of blocks in a line, unless one row has more; all else in a page is bounded well below that."""
_FETCHED: Final = 8_192
_TYPES: Final = {name: "BIGINT" if name == "ts" else type_ for name, type_ in COLUMNS.items()}
_COLUMNS_OF_JSON: Final = "{" + ", ".join(f"'{name}': '{type_}[]'" for name, type_ in _TYPES.items()) + "}"
_UNNESTED: Final = ", ".join(f"unnest({name}) AS {name}" for name in COLUMNS)
# The names are those of the usage table.
_INSERT: Final = f"""
INSERT INTO usage_rows
SELECT * REPLACE (make_timestamp(ts) AS ts)
FROM (SELECT {_UNNESTED} FROM read_json(?, format = 'newline_delimited', columns = {_COLUMNS_OF_JSON}))
"""  # noqa: S608


def _engine(bytes_: int) -> dict[str, Any]:
    """What the engine is opened with, and has at most of memory."""
    return {"threads": 1, "async_threads": 0, "memory_limit": f"{bytes_}B", "preserve_insertion_order": "true"}


class RowsWriter:
    """One new database file. ``write`` takes pages; ``finish`` makes the file whole and tells what it holds, and
    ``abandon`` ends in any other case."""

    def __init__(self, file: Path, engine_bytes: int = USUAL.import_engine_bytes) -> None:
        config = {**_engine(engine_bytes), "temp_directory": str(file.parent)}
        self._connection = duckdb.connect(str(file), config=config)
        self._connection.execute(
            f"CREATE TABLE usage_rows ({', '.join(f'{name} {type_}' for name, type_ in COLUMNS.items())})"
        )
        # In one transaction, rows go into the file by whole row groups; each batch for itself would be written to the
        # write-ahead log first, and go into its row group's compression again.
        self._connection.execute("BEGIN")
        self._batches = file.parent
        self._encode = msgspec.json.Encoder().encode_lines
        self._pages: list[dict[str, Any]] = []
        self._rows = self._count = 0
        self._waiting: queue.Queue[Path | None] = queue.Queue(maxsize=WAITING)
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._insert_all, daemon=True)
        self._thread.start()

    def write(self, columns: Columns) -> None:
        """Hand one page over; returns before it is in the file."""
        if self._fault is not None:
            raise self._fault
        count = length(columns)
        page = {name: _plain(column, count) for name, column in columns.items()}
        for begin, end in _lines(page.get("prefix_blocks"), count):
            self._pages.append({name: column[begin:end] for name, column in page.items()})
        self._rows += count
        if self._rows >= INSERTED:
            self._hand_over()

    def finish(self) -> tuple[datetime, datetime, list[str]]:
        """First and last time, and the columns that hold anything. The file is whole and durable afterwards."""
        if self._pages:
            self._hand_over()
        self._waiting.put(None)
        self._thread.join()
        if self._fault is not None:
            raise self._fault
        self._connection.execute("COMMIT")
        counts = ", ".join(f"count({name})" for name in COLUMNS)
        found = self._connection.execute(f"SELECT min(ts), max(ts), {counts} FROM usage_rows").fetchone()  # noqa: S608
        assert found is not None  # an aggregate has one row
        self._connection.close()
        return found[0], found[1], [name for name, count in zip(COLUMNS, found[2:], strict=True) if count]

    def abandon(self) -> None:
        """Stop, and let go of the file, which is not whole."""
        self._connection.interrupt()
        self._waiting.put(None)
        self._thread.join()
        self._connection.close()

    def _hand_over(self) -> None:
        self._count += 1
        lines = self._batches / f"batch-{self._count}.jsonl"
        lines.write_bytes(self._encode(self._pages))
        self._pages, self._rows = [], 0
        self._waiting.put(lines)

    def _insert_all(self) -> None:
        while (lines := self._waiting.get()) is not None:
            if self._fault is None:
                try:
                    self._connection.execute(_INSERT, [str(lines)])
                except BaseException as fault:
                    self._fault = fault
            lines.unlink()


def _lines(blocks: Sequence[Any] | None, count: int) -> Iterator[tuple[int, int]]:
    """The rows that stand together in a line, which must stay below what the engine takes for one object (16 MiB)."""
    begin = held = 0
    for place in range(count) if blocks is not None else ():
        own = len(blocks[place] or ()) if blocks is not None else 0
        if held and held + own > LINE_BLOCKS:
            yield begin, place
            begin, held = place, 0
        held += own
    yield begin, count


def _plain(column: Column, count: int) -> Sequence[Any]:
    """A column as JSON has it: times as microseconds since 1970."""
    if isinstance(column, np.ndarray):
        micros: list[int] = column.astype(np.int64).tolist()
        return micros
    return [column] * count if isinstance(column, (str, int)) else column


def parquet_records(
    path: Path, progress: Progress, engine_bytes: int = USUAL.import_engine_bytes
) -> Iterator[Numbered]:
    """The records of a Parquet file. Raises ``ToolError`` (``BAD_ROWS``) where it is damaged."""
    try:
        with duckdb.connect(":memory:", config=_engine(engine_bytes)) as connection:
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


def damaged(error: duckdb.Error) -> ToolError:
    """The answer to a Parquet file that the engine cannot read."""
    return broken(f"The Parquet file is damaged or incomplete ({type(error).__name__}).")
