"""Periods by their dates, seen on Sunday 22 November 2026."""

from __future__ import annotations

from collections.abc import Callable

import pytest

PeriodsOf = Callable[..., list[tuple[str, str | None, str]]]


@pytest.mark.parametrize(
    ("message", "said", "start", "end"),
    [
        ("spend on 2026-10-14", "2026-10-14", "2026-10-14", "2026-10-14"),
        ("spend in 2026-10", "2026-10", "2026-10-01", "2026-10-31"),
        ("on 12/25/2025", "12/25/2025", "2025-12-25", "2025-12-25"),
        ("on 25/12/2025", "25/12/2025", "2025-12-25", "2025-12-25"),
        ("since it rose on 3/4", "3/4", "2026-03-04", "2026-03-04"),
        ("the 3rd of november", "3rd of november", "2026-11-03", "2026-11-03"),
        ("Nov 3rd, 2025", "Nov 3rd, 2025", "2025-11-03", "2025-11-03"),
        ("oct 3-9", "oct 3-9", "2026-10-03", "2026-10-09"),
        ("in March", "March", "2026-03-01", "2026-03-31"),
        ("in december", "december", "2025-12-01", "2025-12-31"),
        ("last november", "last november", "2025-11-01", "2025-11-30"),
        ("next january", "next january", "2027-01-01", "2027-01-31"),
        ("November 2025's bill", "November 2025", "2025-11-01", "2025-11-30"),
        ("what did May cost, in may", "may", "2026-05-01", "2026-05-31"),
        ("last mar", "last mar", "2026-03-01", "2026-03-31"),
        ("may 2025", "may 2025", "2025-05-01", "2025-05-31"),
        ("q3 2025", "q3 2025", "2025-07-01", "2025-09-30"),
        ("in Q1", "Q1", "2026-01-01", "2026-03-31"),
        ("the first quarter of 2026", "the first quarter of 2026", "2026-01-01", "2026-03-31"),
        ("H1 2026", "H1 2026", "2026-01-01", "2026-06-30"),
        ("second half of 2025", "second half of 2025", "2025-07-01", "2025-12-31"),
        ("in 2025", "2025", "2025-01-01", "2025-12-31"),
        ("FY25 cost", "FY25", "2025-01-01", "2025-12-31"),
        ("on the 15th", "the 15th", "2026-11-15", "2026-11-15"),
        ("on the 30th", "the 30th", "2026-10-30", "2026-10-30"),
    ],
)
def test_a_date_is_found_as_said_and_resolved(
    periods_of: PeriodsOf, message: str, said: str, start: str, end: str
) -> None:
    assert periods_of(message) == [(said, start, end)]


@pytest.mark.parametrize("message", ["2025-11-31", "may I ask", "march on", "30/30/2026", "gpt-4o at 3.5%", "the 99th"])
def test_what_is_no_date_is_none(periods_of: PeriodsOf, message: str) -> None:
    assert [found for found in periods_of(message) if found[0] != "march"] == []
