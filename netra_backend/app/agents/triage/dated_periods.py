"""Periods by their dates: days, months, quarters, halves and years."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from .calendar_words import (
    MONTH_AMBIGUOUS,
    MONTH_NUMBER,
    MONTH_WORD,
    ONE_DAY,
    Meaning,
    Now,
    add_months,
    days,
    wording,
)

_ORDINALS: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_YEAR: Final = r"(?P<year>20\d\d)"


def _year(text: str | None) -> int | None:
    if not text:
        return None
    number = int(text.strip("' ,"))
    return number if number > 99 else 2000 + number


def _year_for(month: int, now: Now, which: str = "") -> int:
    if which.strip() == "last":
        return now.today.year - (month >= now.today.month)
    if which.strip() == "next":
        return now.today.year + (month < now.today.month)
    return now.today.year - (month > now.today.month)


def _iso_day(match: re.Match[str], now: Now) -> Meaning:
    return days(date(int(match["year"]), int(match["month"]), int(match["day"])))


def _iso_month(match: re.Match[str], now: Now) -> Meaning:
    first = date(int(match["year"]), int(match["month"]), 1)
    return first, add_months(first, 1)


def _slashed(match: re.Match[str], now: Now) -> Meaning:
    first, second = int(match["first"]), int(match["second"])
    month, day = (second, first) if first > 12 else (first, second)
    return days(date(_year(match["year"]) or _year_for(month, now), month, day))


def _day_in_month(match: re.Match[str], now: Now) -> Meaning:
    month = MONTH_NUMBER[match["month"][:3]]
    year = _year(match["year"]) or _year_for(month, now)
    first = date(year, month, int(match["day"]))
    until = match.groupdict().get("until")
    return (first, date(year, month, int(until)) + ONE_DAY) if until else days(first)


def _month(match: re.Match[str], now: Now) -> Meaning:
    month = MONTH_NUMBER[match["month"][:3]]
    year = _year(match["year"]) or _year_for(month, now, match["which"] or "")
    first = date(year, month, 1)
    return first, add_months(first, 1)


def _quarter(match: re.Match[str], now: Now) -> Meaning:
    number = _ORDINALS.get(match["number"]) or int(match["number"])
    first = date(_year(match["year"]) or now.today.year, 3 * number - 2, 1)
    if not match["year"] and first > now.today and not match["until"]:
        first = date(first.year - 1, first.month, 1)
    return first, add_months(first, 3)


def _half(match: re.Match[str], now: Now) -> Meaning:
    first = date(_year(match["year"]) or now.today.year, 1 if match["number"] in ("1", "first") else 7, 1)
    return first, add_months(first, 6)


def _calendar_year(match: re.Match[str], now: Now) -> Meaning:
    year = _year(match["year"]) or now.today.year
    return date(year, 1, 1), date(year + 1, 1, 1)


def _ordinal_day(match: re.Match[str], now: Now) -> Meaning:
    first = now.today.replace(day=int(match["day"]))
    return days(first if first <= now.today else add_months(now.today.replace(day=1), -1).replace(day=first.day))


DATED: Final = (
    wording(rf"{_YEAR}[-/.](?P<month>0?[1-9]|1[0-2])[-/.](?P<day>0?[1-9]|[12]\d|3[01])", _iso_day),
    wording(rf"{_YEAR}-(?P<month>0[1-9]|1[0-2])(?![-\d])", _iso_month),
    wording(r"(?P<first>\d{1,2})[/.](?P<second>\d{1,2})[/.](?P<year>\d{4}|\d{2})", _slashed),
    wording(
        r"(?:(?<=on )|(?<=since )|(?<=from )|(?<=until ))(?P<first>\d{1,2})/(?P<second>\d{1,2})(?P<year>)", _slashed
    ),
    wording(
        rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{MONTH_WORD})(?:,? (?P<year>20\d\d))?", _day_in_month
    ),
    wording(
        rf"(?P<month>{MONTH_WORD})\.? (?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<year>20\d\d))?"
        r"(?![%:.,]?\d|\s?(?:%|k\b|million))",
        _day_in_month,
    ),
    wording(
        rf"(?P<month>{MONTH_WORD})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)? ?(?:-|to) ?"
        r"(?P<until>\d{1,2})(?:st|nd|rd|th)?(?:,? (?P<year>20\d\d))?",
        _day_in_month,
    ),
    wording(
        rf"(?P<which>last |this |next |early |mid[- ]|late )?(?P<month>{MONTH_WORD})(?:'s)?"
        r"(?:(?: of)?,? ?(?P<year>20\d\d|'\d\d))?",
        _month,
    ),
    wording(
        rf"(?:(?<=in )|(?<=for )|(?<=during )|(?<=since )|(?<=until )|(?<=by )|(?<=of )|(?<=and )|(?<=to )|(?<=from )|"
        rf"(?<=vs )|(?<=between ))(?P<which>)(?P<month>{MONTH_AMBIGUOUS})(?:,? (?P<year>20\d\d))?",
        _month,
    ),
    wording(rf"(?P<which>last |this |next )(?P<month>{MONTH_AMBIGUOUS})(?P<year>)", _month),
    wording(rf"(?P<which>)(?P<month>{MONTH_AMBIGUOUS}),? (?P<year>20\d\d)", _month),
    wording(r"(?P<until>end of )?q(?P<number>[1-4])(?:[ /-]?(?:of |fy)?'?(?P<year>20\d\d|\d\d))?", _quarter),
    wording(
        r"(?P<until>end of )?(?:the )?(?P<number>first|second|third|fourth|1st|2nd|3rd|4th) quarter"
        r"(?: (?:of )?(?P<year>20\d\d))?",
        _quarter,
    ),
    wording(r"h(?P<number>[12])(?:[ /-]?'?(?P<year>20\d\d|\d\d))?", _half),
    wording(r"(?P<number>first|second) half of (?:the year|this year|(?P<year>20\d\d))", _half),
    wording(r"the (?P<day>\d{1,2})(?:st|nd|rd|th)", _ordinal_day),
    wording(
        r"(?:(?<=in )|(?<=during )|(?<=for )|(?<=of )|(?<=since )|(?<=year )|(?<=fiscal )|(?<=calendar )|fy ?)"
        rf"{_YEAR}",
        _calendar_year,
    ),
    wording(r"fy ?'?(?P<year>\d\d)", _calendar_year),
)
"""Pattern and meaning of each wording."""
