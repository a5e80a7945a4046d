"""Periods seen from Sunday 22 November 2026, 17:10."""

from __future__ import annotations

from collections.abc import Callable

import pytest

PeriodsOf = Callable[..., list[tuple[str, str | None, str]]]


@pytest.mark.parametrize(
    ("message", "said", "start", "end"),
    [
        ("today", "today", "2026-11-22", "2026-11-22"),
        ("yesterday's bill", "yesterday", "2026-11-21", "2026-11-21"),
        ("the day before yesterday", "the day before yesterday", "2026-11-20", "2026-11-20"),
        ("last night", "last night", "2026-11-21", "2026-11-21"),
        ("this week", "this week", "2026-11-16", "2026-11-22"),
        ("last week", "last week", "2026-11-09", "2026-11-15"),
        ("past week", "past week", "2026-11-16", "2026-11-22"),
        ("the week before last", "the week before last", "2026-11-02", "2026-11-08"),
        ("last month", "last month", "2026-10-01", "2026-10-31"),
        ("next month", "next month", "2026-12-01", "2026-12-31"),
        ("the current quarter", "the current quarter", "2026-10-01", "2026-12-31"),
        ("previous year", "previous year", "2025-01-01", "2025-12-31"),
        ("last fortnight", "last fortnight", "2026-11-02", "2026-11-15"),
        ("over the weekend", "over the weekend", "2026-11-21", "2026-11-22"),
        ("last weekend", "last weekend", "2026-11-14", "2026-11-15"),
        ("last hour", "last hour", "2026-11-22", "2026-11-22"),
        ("past 7 days", "past 7 days", "2026-11-16", "2026-11-22"),
        ("the last two weeks", "the last two weeks", "2026-11-09", "2026-11-22"),
        ("trailing 3 months", "trailing 3 months", "2026-08-23", "2026-11-22"),
        ("last 24h", "last 24h", "2026-11-21", "2026-11-22"),
        ("next 30 days", "next 30 days", "2026-11-22", "2026-12-21"),
        ("next six months", "next six months", "2026-11-22", "2027-05-21"),
        ("next 3 hours", "next 3 hours", "2026-11-22", "2026-11-22"),
        ("two weeks ago", "two weeks ago", "2026-11-02", "2026-11-08"),
        ("5 minutes ago", "5 minutes ago", "2026-11-22", "2026-11-22"),
        ("a 90-day window", "90-day window", "2026-08-25", "2026-11-22"),
        ("on Tuesday", "Tuesday", "2026-11-17", "2026-11-17"),
        ("on fri", "fri", "2026-11-20", "2026-11-20"),
        ("last sunday", "last sunday", "2026-11-15", "2026-11-15"),
        ("this monday", "this monday", "2026-11-16", "2026-11-16"),
        ("next friday", "next friday", "2026-11-27", "2026-11-27"),
        ("mtd", "mtd", "2026-11-01", "2026-11-22"),
        ("year to date", "year to date", "2026-01-01", "2026-11-22"),
        ("by the end of the year", "by the end of the year", "2026-11-22", "2026-12-31"),
        ("eom", "eom", "2026-11-22", "2026-11-30"),
        ("end of next month", "end of next month", "2026-11-22", "2026-12-31"),
        ("since the beginning of the quarter", "since the beginning of the quarter", "2026-10-01", "2026-11-22"),
        ("all time", "all time", None, "2026-11-22"),
    ],
)
def test_a_wording_means_its_days(periods_of: PeriodsOf, message: str, said: str, start: str | None, end: str) -> None:
    assert periods_of(message) == [(said, start, end)]


@pytest.mark.parametrize(
    "message", ["last 0 days", "last 9999 years", "9999 years ago", "last minute", "24/7", "a month"]
)
def test_what_names_no_period_is_none(periods_of: PeriodsOf, message: str) -> None:
    assert periods_of(message) == []
