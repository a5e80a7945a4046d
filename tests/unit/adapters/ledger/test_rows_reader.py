from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from netra_backend.app.adapters.ledger.rows_reader import Source, open_rows
from netra_backend.app.usage.rows import COLUMNS, DATASET_COLUMNS, USAGE_COLUMNS


def source(folder: Path, dataset_id: str, model: str) -> Source:
    path = folder / f"{dataset_id}.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE usage_rows ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        connection.execute("INSERT INTO usage_rows (ts, model) VALUES ('2026-11-01', ?)", [model])
    ts = "2026-11-01T00:00:00.000+00:00"
    return Source(str(path), [dataset_id, "it's", "table", ts, 1, 0, ts, ts, ["per_request"], False, None])


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_rows(
        [source(tmp_path, "data_1", "a"), source(tmp_path, "data_2", "b"), source(tmp_path, "data_3", "c")]
    ) as it:
        yield it


def test_all_datasets_of_an_owner_are_one_relation(rows: duckdb.DuckDBPyConnection) -> None:
    found = rows.execute("SELECT dataset_id, model FROM usage ORDER BY 1").fetchall()
    assert found == [("data_1", "a"), ("data_2", "b"), ("data_3", "c")]
    assert rows.execute("SELECT name, capabilities FROM datasets LIMIT 1").fetchone() == ("it's", ["per_request"])


def test_a_dataset_from_before_a_column_was_there_says_nothing_in_it(tmp_path: Path) -> None:
    earlier, later = source(tmp_path, "data_1", "a"), source(tmp_path, "data_2", "b")
    with duckdb.connect(earlier.path) as connection:
        connection.execute("ALTER TABLE usage_rows DROP COLUMN cache_write_1h_tokens")
    with open_rows([earlier, later]) as rows:
        described = {row[0]: row[1] for row in rows.execute("DESCRIBE usage").fetchall()}
        assert described == dict(USAGE_COLUMNS)
        assert rows.execute("SELECT model, cache_write_1h_tokens FROM usage ORDER BY 1").fetchall() == [
            ("a", None),
            ("b", None),
        ]


@pytest.mark.parametrize("count", [0, 2])
def test_the_relations_have_the_declared_columns_with_and_without_data(tmp_path: Path, count: int) -> None:
    with open_rows([source(tmp_path, f"data_{n}", "m") for n in range(count)]) as rows:
        for relation, columns in (("usage", USAGE_COLUMNS), ("datasets", DATASET_COLUMNS)):
            described = {row[0]: row[1] for row in rows.execute(f"DESCRIBE {relation}").fetchall()}
            assert described == dict(columns)
            assert rows.execute(f"SELECT count(*) FROM {relation}").fetchone() == (count,)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO usage_rows (model) VALUES ('x')",
        "DELETE FROM more_1.main.usage_rows",
        "SELECT * FROM read_text('/etc/passwd')",
        "COPY usage TO '/tmp/stolen.csv'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET memory_limit = '1TB'",
        "LOAD httpfs",
    ],
)
def test_the_connection_reads_these_files_and_can_do_nothing_else(
    rows: duckdb.DuckDBPyConnection, statement: str
) -> None:
    with pytest.raises(duckdb.Error):
        rows.execute(statement)


def test_variables_of_the_program_are_no_tables(rows: duckdb.DuckDBPyConnection) -> None:
    secret = {"a": [1]}
    with pytest.raises(duckdb.Error, match="secret"):
        rows.execute("SELECT * FROM secret")
    assert secret


def test_the_engine_has_the_memory_that_is_set() -> None:
    with open_rows([], 100_000_000) as rows:
        assert rows.execute("SELECT current_setting('memory_limit')").fetchone() == ("95.3 MiB",)
