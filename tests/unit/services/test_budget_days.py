"""Days and months of budgets, in the zone of a plan."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from netra_backend.app.core.budgets import Period
from netra_backend.app.services.budget_days import day_before, day_of, end_ms, moment


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("at", "zone", "day"),
    [
        ("2026-11-30T23:59:59.999", "UTC", "2026-11-30"),
        ("2026-11-30T23:00:00", "Europe/Berlin", "2026-12-01"),
        ("2026-11-30T09:59:59", "Pacific/Honolulu", "2026-11-29"),
    ],
)
def test_a_day_is_that_of_the_zone(at: str, zone: str, day: str) -> None:
    assert day_of(ms(at), zone) == day


@pytest.mark.parametrize(
    ("period", "at", "zone", "ends"),
    [
        ("day", "2026-11-30T12:00", "UTC", "2026-12-01T00:00"),
        ("month", "2026-11-30T12:00", "UTC", "2026-12-01T00:00"),
        ("month", "2026-12-01T00:00", "UTC", "2027-01-01T00:00"),
        ("day", "2026-10-24T23:00", "Europe/Berlin", "2026-10-25T23:00"),
        ("month", "2026-10-05T00:00", "Europe/Berlin", "2026-10-31T23:00"),
    ],
)
def test_it_ends_at_the_next_midnight_of_the_zone_also_where_clocks_change(
    period: Period, at: str, zone: str, ends: str
) -> None:
    assert end_ms(period, ms(at), zone) == ms(ends)


def test_nobody_knows_when_a_run_ends() -> None:
    assert end_ms("run", 0, "UTC") is None


def test_days_ago_and_moments_are_told_in_utc() -> None:
    assert day_before(ms("2026-03-01T00:00"), 1) == "2026-02-28"
    assert moment(ms("2026-12-01T00:00")) == "2026-12-01 00:00 UTC"
