"""Words of the calendar."""

from __future__ import annotations

from datetime import date

import pytest

from netra_backend.app.agents.triage.calendar_words import (
    add_months,
    day_of,
    days,
    first_of,
    number_of,
    unit_of,
    week_of,
)


@pytest.mark.parametrize(("word", "count"), [("12", 12), ("a", 1), ("couple of", 2), ("ninety", 90)])
def test_a_count_is_a_figure_or_a_word(word: str, count: int) -> None:
    assert number_of(word) == count


@pytest.mark.parametrize(
    ("word", "unit"),
    [
        ("mins", "minute"), ("h", "hour"), ("hrs", "hour"), ("d", "day"), ("nights", "day"), ("weekends", "weekend"),
        ("wks", "week"), ("fortnight", "fortnight"), ("mos", "month"), ("qtr", "quarter"), ("yrs", "year"), ("cycle", "month"),
    ],
)  # fmt: skip
def test_a_unit_is_known_by_its_beginning(word: str, unit: str) -> None:
    assert unit_of(word) == unit


def test_no_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="no unit"):
        unit_of("banana")


@pytest.mark.parametrize(
    ("word", "offset"),
    [
        ("today", 0),
        ("yesterday", -1),
        ("the day before yesterday", -2),
        ("tomorrow", 1),
        ("day after tomorrow", 2),
        ("tonight", 0),
    ],
)
def test_a_spoken_day_is_so_far_from_today(word: str, offset: int) -> None:
    assert day_of(word) == offset


def test_months_are_added_to_the_last_day_of_a_shorter_one() -> None:
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert add_months(date(2026, 1, 31), -2) == date(2025, 11, 30)
    assert add_months(date(2024, 1, 31), 1) == date(2024, 2, 29)


def test_there_is_no_day_beyond_the_calendar() -> None:
    with pytest.raises(ValueError, match="calendar"):
        add_months(date(2026, 1, 1), 12 * 9000)


@pytest.mark.parametrize(
    ("unit", "first"),
    [
        ("week", date(2026, 11, 16)),
        ("month", date(2026, 11, 1)),
        ("quarter", date(2026, 10, 1)),
        ("year", date(2026, 1, 1)),
    ],
)
def test_the_first_day_of_a_unit(unit: str, first: date) -> None:
    assert first_of(unit, date(2026, 11, 22)) == first


def test_a_week_begins_on_monday() -> None:
    assert week_of(date(2026, 11, 22)) == date(2026, 11, 16)


def test_days_are_counted_from_the_first() -> None:
    assert days(date(2026, 12, 31), 2) == (date(2026, 12, 31), date(2027, 1, 2))
