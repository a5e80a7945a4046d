"""Periods joined, bounded and resolved in the time zone of the user."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netra_backend.app.agents.triage.periods import find_periods, zone_of
from netra_backend.app.agents.triage.text import read

PeriodsOf = Callable[..., list[tuple[str, str | None, str]]]
NOW = int(datetime(2026, 11, 22, 23, 30, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("message", "said", "start", "end"),
    [
        ("from May to July", "May to July", "2026-05-01", "2026-07-31"),
        ("between oct 1 and oct 15", "oct 1 and oct 15", "2026-10-01", "2026-10-15"),
        ("2026-10-01 to 2026-10-31", "2026-10-01 to 2026-10-31", "2026-10-01", "2026-10-31"),
        ("march through may 2026", "march through may 2026", "2026-03-01", "2026-05-31"),
        ("since Monday", "since Monday", "2026-11-16", "2026-11-22"),
        ("from march on", "from march", "2026-03-01", "2026-11-22"),
        ("from march", "march", "2026-03-01", "2026-03-31"),
        ("by december", "by december", "2026-11-22", "2026-12-31"),
        ("until friday", "until friday", "2026-11-22", "2026-11-27"),
        ("until yesterday", "yesterday", "2026-11-21", "2026-11-21"),
        ("week of oct 12", "week of oct 12", "2026-10-12", "2026-10-18"),
    ],
)
def test_periods_are_joined_with_the_words_around_them(
    periods_of: PeriodsOf, message: str, said: str, start: str, end: str
) -> None:
    assert periods_of(message) == [(said, start, end)]


def test_two_periods_that_are_compared_stay_two(periods_of: PeriodsOf) -> None:
    assert [said for said, _, _ in periods_of("this month to last month")] == ["this month", "last month"]
    assert [said for said, _, _ in periods_of("may 2026 and june 2026")] == ["may 2026", "june 2026"]


def test_days_are_those_of_the_users_time_zone() -> None:
    (here,) = find_periods(read("today"), now_ms=NOW, timezone="Asia/Tokyo")
    assert (here.start, here.end) == ("2026-11-23", "2026-11-23")
    assert here.start_ms == int(datetime(2026, 11, 22, 15, tzinfo=UTC).timestamp() * 1000)
    assert here.end_ms - here.start_ms == 24 * 3_600_000


def test_a_day_of_the_change_to_summer_time_has_23_hours() -> None:
    (day,) = find_periods(read("2026-03-29"), now_ms=NOW, timezone="Europe/Berlin")
    assert day.start_ms is not None
    assert day.end_ms - day.start_ms == 23 * 3_600_000


def test_an_unknown_zone_is_utc() -> None:
    assert zone_of("Mars/Olympus") is UTC
    assert zone_of("../../etc/passwd") is UTC


def test_json_holds_the_wording_and_the_dates() -> None:
    (day,) = find_periods(read("all time"), now_ms=NOW)
    assert day.as_json() == {
        "said": "all time",
        "start": None,
        "end": "2026-11-22",
        "start_ms": None,
        "end_ms": int(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1000),
    }


VOCABULARY = """
    last next past 7 30 9999 0 days weeks month year since until from to between and may oct q3 2026 2026-02-30 31 the 1st of end
    ago monday today - / , . ' ytd h2 fy
"""
WORDS = st.sampled_from(VOCABULARY.split())


@settings(derandomize=True)
@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_whatever_is_said_each_period_ends_after_it_begins(message: str) -> None:
    for period in find_periods(read(message), now_ms=NOW, timezone="America/New_York"):
        assert period.start_ms is None or period.start_ms < period.end_ms
        assert period.said


@pytest.mark.parametrize("piece", ["last ", "2026-", "from may to ", "between ", "next 9", "oct 3-", "'s "])
def test_a_hostile_repetition_is_read_to_its_end(periods_of: PeriodsOf, piece: str) -> None:
    assert len(periods_of(piece * 9_000)) < 700
