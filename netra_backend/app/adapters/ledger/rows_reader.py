"""One owner's datasets as the two relations that questions see, on a connection that can do nothing but read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb
import msgspec

from ...core.limits import USUAL
from ...usage.rows import COLUMNS, DATASET_COLUMNS, USAGE_COLUMNS


class Source(msgspec.Struct, frozen=True):
    """One dataset to open: its database file, and its row of the relation ``datasets``, in the order of the columns."""

    path: str
    row: list[Any]


LOCKED: Final[Mapping[str, str | int]] = {
    "threads": 1,
    "async_threads": 0,
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "python_enable_replacements": "false",
}
"""What the engine is opened with. Outside access ends once the files are open, and then nothing can be set any more."""


def open_rows(sources: Sequence[Source], engine_bytes: int = USUAL.question_engine_bytes) -> duckdb.DuckDBPyConnection:
    """A connection that sees these datasets as ``usage`` and ``datasets``, and no other file, for ever."""
    config: dict[str, Any] = {**LOCKED, "memory_limit": f"{engine_bytes}B"}
    if sources:
        connection = duckdb.connect(sources[0].path, read_only=True, config=config)
    else:
        connection = duckdb.connect(":memory:", config=config)
    catalogs = [_name_of_main(connection)]
    for number, source in enumerate(sources[1:], 1):
        catalogs.append(f"more_{number}")
        connection.execute(f"ATTACH {_quoted(source.path)} AS more_{number} (READ_ONLY)")
    connection.execute(f"CREATE TEMP TABLE datasets ({_declared(DATASET_COLUMNS)})")
    if sources:
        row = ", ".join("?" for _ in DATASET_COLUMNS)
        connection.executemany(f"INSERT INTO datasets VALUES ({row})", [source.row for source in sources])  # noqa: S608
        parts = [
            f"SELECT {_quoted(source.row[0])} AS dataset_id, {_columns_of(connection, catalog)} "  # noqa: S608
            f"FROM {catalog}.main.usage_rows"
            for source, catalog in zip(sources, catalogs, strict=True)
        ]
        connection.execute("CREATE TEMP VIEW usage AS " + " UNION ALL ".join(parts))
    else:
        connection.execute(f"CREATE TEMP TABLE usage ({_declared(USAGE_COLUMNS)})")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _name_of_main(connection: duckdb.DuckDBPyConnection) -> str:
    found = connection.execute("SELECT current_database()").fetchone()
    assert found is not None  # a scalar select has one row
    return '"' + str(found[0]).replace('"', '""') + '"'


def _columns_of(connection: duckdb.DuckDBPyConnection, catalog: str) -> str:
    """The columns of the usage table; a dataset that was imported before there was one says nothing in it."""
    present = {row[0] for row in connection.execute(f"DESCRIBE {catalog}.main.usage_rows").fetchall()}
    return ", ".join(name if name in present else f"NULL::{type_} AS {name}" for name, type_ in COLUMNS.items())


def _declared(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {type_}" for name, type_ in columns.items())


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"
