import duckdb
import pytest

from netra_backend.app.usage.rows import COLUMNS, DATASET_COLUMNS, USAGE_COLUMNS, Capability, Granularity, Rows, Status


@pytest.mark.parametrize("columns", [COLUMNS, USAGE_COLUMNS, DATASET_COLUMNS])
def test_every_declared_type_is_one_that_the_engine_knows(columns: dict[str, str]) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t ({', '.join(f'{name} {type_}' for name, type_ in columns.items())})")
        described = {row[0]: row[1] for row in connection.execute("DESCRIBE t").fetchall()}
    assert described == dict(columns)


def test_a_usage_row_is_an_imported_row_that_knows_its_dataset() -> None:
    assert list(USAGE_COLUMNS) == ["dataset_id", *COLUMNS]


def test_a_duckdb_connection_is_a_handle_on_rows() -> None:
    with duckdb.connect() as connection:
        rows: Rows = connection
        assert rows.execute("SELECT ? + 1 AS n", [1]).fetchone() == (2,)
        assert rows.execute("SELECT 1 AS n").description[0][0] == "n"  # type: ignore[index]
        assert rows.execute("SELECT 7 AS n").fetchnumpy()["n"].tolist() == [7]


def test_words_for_states_are_lower_case_and_distinct() -> None:
    words = [word.value for kind in (Status, Granularity, Capability) for word in kind]
    assert all(word == word.lower() for word in words)
    assert len(set(words)) == len(words)
