"""Usage rows for tests: an in-memory DuckDB connection with the relations that a question sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import duckdb

from netra_backend.app.usage.report import Report, make_report
from netra_backend.app.usage.rows import DATASET_COLUMNS, USAGE_COLUMNS, Capability

from .scripted_scope import InProcessLedger

ROW: dict[str, Any] = {
    "dataset_id": "ds_1",
    "ts": datetime(2026, 11, 2, 12),
    "provider": "openai",
    "model": "gpt-4o",
    "operation": "chat",
    "status": "ok",
    "requests": 1,
    "input_tokens": 1000,
    "output_tokens": 100,
    "source": "generic",
    "granularity": "request",
}
"""A plain row; what a test names replaces its part of it."""

ALL_CAPABILITIES = tuple(str(capability) for capability in Capability)


def usage_rows(
    rows: Iterable[Mapping[str, Any]], *, capabilities: Iterable[str] = ALL_CAPABILITIES, **common: Any
) -> duckdb.DuckDBPyConnection:
    """A connection whose ``usage`` holds ``rows`` (each over ``ROW`` and ``common``) and whose ``datasets`` describes them.

    ``at`` in a row is a number of seconds after ``ROW["ts"]``, for tests that think in offsets.
    """
    connection = duckdb.connect(":memory:", config={"threads": 1})
    for table, columns in (("usage", USAGE_COLUMNS), ("datasets", DATASET_COLUMNS)):
        connection.execute(f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    values = []
    for given in rows:
        row = {**ROW, **common, **given}
        if (offset := row.pop("at", None)) is not None:
            row["ts"] = row["ts"] + timedelta(seconds=offset)
        values.append([row.get(name) for name in USAGE_COLUMNS])
    if values:
        marks = ", ".join("?" for _ in USAGE_COLUMNS)
        connection.executemany(f"INSERT INTO usage VALUES ({marks})", values)
    connection.execute(
        "INSERT INTO datasets SELECT dataset_id, 'usage of ' || dataset_id, any_value(source), max(ts), count(*), 0, min(ts), "
        "max(ts), ?, false, NULL FROM usage GROUP BY dataset_id",
        [list(capabilities)],
    )
    return connection


async def report_of(rows: duckdb.DuckDBPyConnection, arguments: Mapping[str, Any] | None = None) -> Report:
    """The report on these rows, as their owner gets it."""
    ledger = InProcessLedger("user_1", rows, rows)
    return await make_report(partial(ledger.ask, "user_1"), arguments or {})
