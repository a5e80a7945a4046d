"""Spend over time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage import history as history_module
from netra_backend.app.usage.history import load_history, usd_of
from test_framework.usage_rows import usage_rows


def test_days_without_requests_cost_nothing_and_are_there() -> None:
    rows = usage_rows([{"ts": datetime(2026, 11, 1, 5)}, {"ts": datetime(2026, 11, 4, 5)}])
    found = load_history(rows, {}, "day")
    assert [found.label(index) for index in range(4)] == ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"]
    assert found.usd.tolist() == [0.0035, 0, 0, 0.0035]
    assert found.days == 3


def test_hours_are_labelled_as_hours() -> None:
    found = load_history(usage_rows([{"ts": datetime(2026, 11, 1, 5, 59)}]), {}, "hour")
    assert found.label(0) == "2026-11-01T05:00Z"


def test_a_history_keeps_its_newest_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(history_module.MAX_POINTS, "day", 3)
    start = datetime(2026, 11, 1)
    rows = usage_rows([{"ts": start + timedelta(days=day)} for day in range(10)])
    assert load_history(rows, {}, "day").label(0) == "2026-11-08"


def test_assumed_times_have_no_history() -> None:
    with pytest.raises(ToolError) as caught:
        load_history(usage_rows([{}], capabilities=["per_request"]), {}, "day")
    assert caught.value.code == "NOT_ASSESSABLE"


def test_no_rows_have_no_history() -> None:
    with pytest.raises(ToolError) as caught:
        load_history(usage_rows([]), {}, "day")
    assert caught.value.code == "NO_DATA"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (1.5, "1.5"), (-2.0, "-2"), (1e-9, "0"), (0.1234567, "0.123457")]
)
def test_estimates_are_written_to_six_decimals(value: float, text: str) -> None:
    assert usd_of(value) == text


def test_only_datasets_with_real_times_are_part_of_a_history() -> None:
    rows = usage_rows(
        [{"dataset_id": "real"}, {"dataset_id": "assumed", "at": 86_400 * 40}], capabilities=["per_request"]
    )
    rows.execute("UPDATE datasets SET capabilities = ['real_times'] WHERE dataset_id = 'real'")
    assert len(load_history(rows, {}, "day").usd) == 1
