"""Words of the calendar: months, weekdays, units, counts, and the days they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

ONE_DAY: Final = timedelta(days=1)

Range = tuple[date | None, date]
"""A first day or moment (``None``: from the beginning), and the day or moment after the last."""

Meaning = Range | None


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of the question in the user's time zone, and its day."""

    moment: datetime
    today: date


Wording = tuple[re.Pattern[str], Callable[[re.Match[str], Now], Meaning]]


def wording(pattern: str, meaning: Callable[[re.Match[str], Now], Meaning]) -> Wording:
    """A wording as whole words, and what it means. The meaning may raise ``ValueError`` if there is no such day."""
    return re.compile(rf"\b(?:{pattern})(?!\w)", re.ASCII), meaning


def days(first: date, count: int = 1) -> Range:
    """So many days from ``first`` on."""
    return first, first + timedelta(days=count)


MONTH_NUMBER: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
MONTH_WORD: Final = (
    "january|february|march|april|june|july|august|september|october|november|december|"
    "jan|feb|apr|jun|jul|aug|sept|sep|oct|nov|dec"
)
MONTH_AMBIGUOUS: Final = "may|mar"
"""Months that are words of their own, too: taken for months only after a preposition or before a year."""

WEEKDAY_NUMBER: Final = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}

_COUNTS: Final = {
    "a": 1, "an": 1, "one": 1, "two": 2, "couple": 2, "couple of": 2, "three": 3, "few": 3, "four": 4, "five": 5,
    "several": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fourteen": 14,
    "fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60, "ninety": 90,
}  # fmt: skip
NUMBER_WORD: Final = r"\d{1,4}|" + "|".join(sorted(_COUNTS, key=len, reverse=True))

UNIT_WORD: Final = (
    r"minutes?|mins?|hours?|hrs?|h|days?|d|nights?|weekends?|weeks?|wks?|wk|w|fortnights?|months?|mths?|mos?|"
    r"quarters?|qtrs?|years?|yrs?|cycle|period"
)
_UNITS: Final = {
    "mi": "minute", "h": "hour", "d": "day", "ni": "day", "weekend": "weekend", "w": "week", "f": "fortnight",
    "m": "month", "q": "quarter", "y": "year", "cy": "month", "pe": "month",
}  # fmt: skip

DAY_WORD: Final = (
    r"(?:the )?day before yesterday|day after tomorrow|yesterday(?: morning| afternoon| evening| night)?(?:'s)?|"
    r"yday|today(?:'s)?|tonight|this (?:morning|afternoon|evening)|last night|tomorrow(?:'s)?|tmrw"
)


def number_of(word: str) -> int:
    """The count that a figure or a word says."""
    return int(word) if word.isdecimal() else _COUNTS[word]


def unit_of(word: str) -> str:
    """``minute``, ``hour``, ``day``, ``week``, ``weekend``, ``fortnight``, ``month``, ``quarter`` or ``year``."""
    for length in (7, 2, 1):
        if (unit := _UNITS.get(word[:length])) is not None:
            return unit
    raise ValueError(f"{word!r} is no unit of time")


def day_of(word: str) -> int:
    """How many days from today a word such as ``yesterday`` is."""
    if "before yesterday" in word:
        return -2
    if "after tomorrow" in word:
        return 2
    if word.startswith(("yesterday", "yday", "last night")):
        return -1
    return 1 if word.startswith(("tomorrow", "tmrw")) else 0


def week_of(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


def first_of(unit: str, day: date) -> date:
    """The first day of the week, month, quarter or year that holds ``day``."""
    if unit == "week":
        return week_of(day)
    if unit == "month":
        return day.replace(day=1)
    return day.replace(day=1, month=1 if unit == "year" else 3 * ((day.month - 1) // 3) + 1)


def add_months(day: date, count: int) -> date:
    """The same day ``count`` months on, or the last one of a shorter month."""
    index = day.year * 12 + day.month - 1 + count
    year, month = divmod(index, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise ValueError("beyond the calendar")
