"""The figures that answers of tools hold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from netra_backend.app.usage.figures import Figures
from netra_backend.app.usage.written_numbers import displayed, numbers_in

ANSWER: dict[str, Any] = {
    "total_usd": "12.34",
    "rows": 84,
    "error_rate": 0.125,
    "percent_of_bill": {"low": 7.5},
    "period": {"from": "2026-10-13T06:00:00Z", "to": "2026-11-02"},
    "breakdowns": {"day": [{"key": "2026-10-14", "usd": "3"}], "team": [{"key": "2026-12-24"}, {"key": "pay $77"}]},
    "models": [{"model": "claude-haiku-4-5"}, {"model": "USD555"}],
    "usd_per_million": {"standard": [{"input": "2.50", "above_input_tokens": 200_000}]},
    "by_time_of_day": [{"from": "16:30 UTC"}],
    "assumptions": ["Small means at most 4,000 input tokens."],
    "message": "You have 66 days.",
    "prices": {"version": "0.2.3"},
}


def supports(text: str, *answers: Any, **own: Any) -> bool:
    figures = Figures()
    for answer in answers or (ANSWER,):
        figures.add(answer, **own)
    return all(figures.has(each) for each in numbers_in(displayed(text)))


@pytest.mark.parametrize(
    "text",
    ["$12.34", "$12", "84", "12.5 %", "0.125", "7.5 %", "13 October", "06:00", "2026-11-02", "2026-10-14", "$2.50", "200k",
     "16:30", "4,000", "2 teams", "1 day", "2026"],
)  # fmt: skip
def test_what_a_tool_computed_is_a_figure(text: str) -> None:
    assert supports(text)


@pytest.mark.parametrize(
    "text",
    [
        "$84",
        "84 %",
        "12.34 %",
        "$7.50",
        "24 December",
        "$77",
        "77",
        "66",
        "$555",
        "$200,000",
        "14 October 2025",
        "$12.35",
    ],
)
def test_a_figure_of_another_kind_or_of_a_name_is_none(text: str) -> None:
    assert not supports(text)


def test_names_are_those_with_digits_that_are_no_amounts() -> None:
    figures = Figures()
    figures.add(ANSWER)
    assert figures.names == {"claude-haiku-4-5"}
    assert figures.versions == {"0.2.3"}


def test_of_a_table_only_the_metrics_are_figures() -> None:
    table = {
        "columns": ["team", "day", "cost_reported_usd", "requests", "error_rate"],
        "rows": [["999", "2026-10-14", "21.0", 7, 0.2]],
        "truncated": True,
    }
    assert supports("$21 for 7 on 14 October: 20 %", table)
    assert not supports("999", table)
    assert not supports("1", table)
    assert supports("1 row", {**table, "truncated": False})


def test_a_list_that_is_cut_off_has_no_length() -> None:
    assert not supports("2", {"parts": [{"key": None}, {"key": "(all others)", "rest": True}]})


def test_what_somebody_gave_a_tool_is_not_the_tools() -> None:
    own = {"own": frozenset({Decimal(987), Decimal(50)})}
    answer = {"budget": {"usd": "987"}, "assumptions": ["They move the share (50%)."], "base_usd": "12"}
    assert supports("$12", answer, **own)
    assert not supports("$987", answer, **own)
    assert not supports("50 %", answer, **own)


def test_a_period_has_its_bounds_and_its_last_day() -> None:
    figures = Figures()
    figures.add_period("2026-10-01T00:00:00+00:00", "2026-11-01")
    assert figures.days == {(2026, 10, 1), (2026, 11, 1), (2026, 10, 31)}
    figures.add_period("soon", "2026-13-45")
    figures.add_day("2026-12-24")
    assert (2026, 12, 24) in figures.days


def test_a_month_at_a_pace_has_thirty_days() -> None:
    assert supports("thirty days", {"month": {"from_days": 20.75}})
