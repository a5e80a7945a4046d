"""Rows for tests of questions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from netra_backend.app.usage.rows import DATASET_COLUMNS, USAGE_COLUMNS
from test_framework.usage_rows import ALL_CAPABILITIES, ROW, usage_rows


@pytest.mark.parametrize(("table", "columns"), [("usage", USAGE_COLUMNS), ("datasets", DATASET_COLUMNS)])
def test_the_relations_have_the_columns_that_a_question_sees(table: str, columns: dict[str, str]) -> None:
    described = usage_rows([]).execute(f"DESCRIBE {table}").fetchall()
    assert [name for name, *_ in described] == list(columns)


def test_what_a_row_does_not_name_is_that_of_the_plain_row() -> None:
    connection = usage_rows([{"at": 90}, {"model": "other"}], team="common")
    rows = connection.execute("SELECT ts, model, team, input_tokens FROM usage ORDER BY ts").fetchall()
    assert rows == [
        (ROW["ts"], "other", "common", 1000),
        (ROW["ts"] + timedelta(seconds=90), "gpt-4o", "common", 1000),
    ]


def test_datasets_are_described_from_their_rows() -> None:
    connection = usage_rows([{"dataset_id": "a"}, {"dataset_id": "a"}, {"dataset_id": "b"}])
    assert connection.execute("SELECT dataset_id, rows, capabilities FROM datasets ORDER BY 1").fetchall() == [
        ("a", 2, list(ALL_CAPABILITIES)),
        ("b", 1, list(ALL_CAPABILITIES)),
    ]
