"""What a question is about."""

from __future__ import annotations

from datetime import datetime

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.scope import moment, no_data, where


def test_values_are_parameters_and_never_part_of_the_statement() -> None:
    condition, parameters = where({"team": "x' OR 1=1 --", "period": {"from": "2026-11-01"}})
    assert condition == "true AND ts >= ? AND team = ?"
    assert parameters == [datetime(2026, 11, 1), "x' OR 1=1 --"]


def test_a_time_with_an_offset_is_taken_to_utc() -> None:
    assert moment("2026-11-01T02:00+02:00") == datetime(2026, 11, 1)


@pytest.mark.parametrize("given", ["tomorrow", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
def test_what_is_no_time_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(ToolError, match=r"is not a date or time") as caught:
        where({"period": {"to": given}})
    assert caught.value.code == "INVALID_ARGUMENTS"
    assert "2026-11-01" in caught.value.hint


def test_no_rows_at_all_and_none_in_scope_are_told_apart() -> None:
    assert "import" in no_data({}).hint.lower()
    assert "filters" in no_data({"team": "a"}).hint
