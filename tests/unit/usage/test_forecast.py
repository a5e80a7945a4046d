"""The end of the month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from netra_backend.app.core.errors import ToolError
from netra_backend.app.usage.forecast import forecast_spend
from test_framework.usage_rows import usage_rows


def days(
    count: int,
    first: datetime = datetime(2026, 10, 15),
    usd: Callable[[int], float] = lambda day: 10,
    last_hour: int = 23,
) -> duckdb.DuckDBPyConnection:
    """One row a day, of gpt-4o input (2.50 a million) that costs ``usd(day)``."""
    rows: list[dict[str, Any]] = [
        {
            "ts": first + timedelta(days=day, hours=23),
            "input_tokens": int(usd(day) * 400_000),
            "output_tokens": 0,
            "granularity": "day",
        }
        for day in range(count)
    ]
    rows[-1]["ts"] = rows[-1]["ts"].replace(hour=last_hour)
    return usage_rows(rows)


def test_a_steady_spend_goes_on_to_the_end_of_the_month() -> None:
    # 27 days at 10 to 10 November: 100 so far, 20 days left at 10 each: 300.
    answer = forecast_spend(days(27), {})
    assert (answer["month"], answer["days_left"], answer["so_far_usd"]) == ("2026-11", 20, "100")
    assert (answer["low_usd"], answer["base_usd"], answer["high_usd"]) == ("300", "300", "300")


def test_weekdays_keep_their_shares() -> None:
    # 2026-10-12 is a Monday; weekdays cost 10, weekends 2. Five weeks to Sunday 15 November: 10 weekdays · 10 + 5 · 2 = 110;
    # left are 11 weekdays and 4 weekend days: 118.
    answer = forecast_spend(days(35, datetime(2026, 10, 12), lambda day: 10 if day % 7 < 5 else 2), {})
    assert (answer["so_far_usd"], answer["days_left"]) == ("110", 15)
    assert Decimal(answer["base_usd"]) == pytest.approx(Decimal(228), abs=Decimal("0.01"))


def test_a_day_that_is_not_over_is_filled_up_to_its_expected_cost() -> None:
    answer = forecast_spend(days(27, usd=lambda day: 10 if day < 26 else 4, last_hour=9), {})
    assert (answer["so_far_usd"], answer["history_days"], answer["days_left"]) == ("94", 26, 21)
    assert answer["base_usd"] == "300"


def test_noise_widens_the_range() -> None:
    answer = forecast_spend(days(27, usd=lambda day: 10 + (3 if day * 7 % 5 < 2 else -2)), {})
    assert Decimal(answer["low_usd"]) < Decimal(answer["base_usd"]) < Decimal(answer["high_usd"])


@pytest.mark.parametrize(
    ("budget", "verdict"),
    [(301, "will hold"), (299, "will be exceeded")],
)
def test_a_budget_is_compared_with_the_range(budget: float, verdict: str) -> None:
    answer = forecast_spend(days(27), {"budget_usd": budget})
    assert answer["budget"]["verdict"] == verdict
    assert Decimal(answer["budget"]["left_in_base_usd"]) == budget - 300


def test_under_fourteen_days_it_refuses() -> None:
    with pytest.raises(ToolError) as caught:
        forecast_spend(days(13), {})
    assert caught.value.code == "INSUFFICIENT_HISTORY"
    assert caught.value.details == {"days": 13, "needed": 14}


def test_fourteen_days_are_enough() -> None:
    assert forecast_spend(days(14), {})["history_days"] == 14


def test_days_without_usage_are_no_history() -> None:
    start = datetime(2026, 3, 21)
    rows = usage_rows([{"ts": start + timedelta(days=day)} for day in (0, 70, 226, 227)])
    with pytest.raises(ToolError) as caught:
        forecast_spend(rows, {})
    assert caught.value.code == "INSUFFICIENT_HISTORY"
