"""Periods seen from today: this, last and next, the past so many, so long ago, weekdays, to date, to the end."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from .calendar_words import (
    DAY_WORD,
    NUMBER_WORD,
    ONE_DAY,
    UNIT_WORD,
    WEEKDAY_NUMBER,
    Meaning,
    Now,
    Range,
    add_months,
    day_of,
    days,
    first_of,
    number_of,
    unit_of,
    week_of,
    wording,
)

_NEXT: Final = frozenset({"next", "coming", "upcoming", "following"})
_THIS: Final = frozenset({"this", "current", "the current"})
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_DAYS: Final = {"day": 1, "week": 7, "weekend": 7, "fortnight": 14}
_UNIT_OF_LETTER: Final = {"m": "month", "q": "quarter", "y": "year", "w": "week", "d": "day"}
_WHICH: Final = r"(?P<which>this|the current|current|last|previous|prior|past|preceding|next|coming|upcoming|following)"


def _span(unit: str, offset: int, today: date) -> Range:
    """The calendar unit ``offset`` units away from the one that holds ``today``."""
    if unit == "day":
        return days(today + timedelta(days=offset))
    if unit in ("week", "weekend", "fortnight"):
        monday = week_of(today) + timedelta(weeks=offset)
        if unit == "weekend":
            return days(monday + timedelta(days=5), 2)
        return (monday - timedelta(weeks=1), monday + timedelta(weeks=1)) if unit == "fortnight" else days(monday, 7)
    months = _MONTHS[unit]
    first = first_of(unit, today)
    return add_months(first, months * offset), add_months(first, months * (offset + 1))


def _trailing(count: int, unit: str, now: Now) -> Meaning:
    tomorrow = now.today + ONE_DAY
    if unit in ("hour", "minute"):
        return now.moment - timedelta(**{unit + "s": count}), now.moment
    if unit in ("month", "quarter", "year"):
        return add_months(tomorrow, -count * _MONTHS[unit]), tomorrow
    return tomorrow - timedelta(days=count * _DAYS[unit]), tomorrow


def _relative(match: re.Match[str], now: Now) -> Meaning:
    which, unit = match["which"], unit_of(match["unit"])
    if unit == "hour":
        hour = timedelta(hours=1)
        return (now.moment, now.moment + hour) if which in _NEXT else (now.moment - hour, now.moment)
    if unit == "minute":
        return None
    if which == "past" and unit in ("day", "week", "month", "quarter", "year"):
        return _trailing(1, unit, now)
    if unit == "weekend" and which in ("last", "previous", "the", "over the", "this"):
        offset = 0 if now.today.weekday() >= 5 and which != "last" else -1
        return _span(unit, offset, now.today)
    return _span(unit, 1 if which in _NEXT else 0 if which in _THIS else -1, now.today)


def _before_last(match: re.Match[str], now: Now) -> Meaning:
    return _span(unit_of(match["unit"]), -2, now.today)


def _counted(match: re.Match[str], now: Now) -> Meaning:
    count, unit = number_of(match["count"]), unit_of(match["unit"])
    if count < 1:
        return None
    if match["which"] in _NEXT:
        if unit in ("hour", "minute"):
            return now.moment, now.moment + timedelta(**{unit + "s": count})
        months = _MONTHS.get(unit)
        if months:
            return now.today, add_months(now.today, months * count)
        return days(now.today, count * _DAYS[unit])
    return _trailing(count, unit, now)


def _ago(match: re.Match[str], now: Now) -> Meaning:
    count, unit = number_of(match["count"]), unit_of(match["unit"])
    if unit in ("hour", "minute"):
        moment = now.moment - timedelta(**{unit + "s": count})
        return moment, now.moment
    return _span(unit, -count, now.today)


def _spoken_day(match: re.Match[str], now: Now) -> Meaning:
    return days(now.today + timedelta(days=day_of(match.group())))


def _weekday(match: re.Match[str], now: Now) -> Meaning:
    number, which = WEEKDAY_NUMBER[match["weekday"][:3]], match["which"] or ""
    monday = week_of(now.today)
    if which.strip() in _NEXT:
        return days(monday + timedelta(days=7 + number))
    back = (now.today.weekday() - number) % 7
    if which.strip() == "this":
        return days(monday + timedelta(days=number))
    return days(now.today - timedelta(days=back or (7 if which.strip() in ("last", "previous", "past") else 0)))


def _to_date(match: re.Match[str], now: Now) -> Meaning:
    unit = _UNIT_OF_LETTER[(match["unit"] or match["short"])[0]]
    return first_of(unit, now.today), now.today + ONE_DAY


def _end_of(match: re.Match[str], now: Now) -> Meaning:
    unit = _UNIT_OF_LETTER[(match["unit"] or match["short"] or match["unit2"])[0]]
    return now.today, _span(unit, 1 if "next" in match.group() else 0, now.today)[1]


def _begin_of(match: re.Match[str], now: Now) -> Meaning:
    unit = unit_of(match["unit"])
    return first_of(unit, now.today), now.today + ONE_DAY


def _ever(match: re.Match[str], now: Now) -> Meaning:
    return None, now.today + ONE_DAY


RELATIVE: Final = (
    wording(rf"{_WHICH} (?:full |calendar |fiscal |entire |whole |billing )?(?P<unit>{UNIT_WORD})(?:'s)?", _relative),
    wording(r"(?P<which>over the|the) (?P<unit>weekend)", _relative),
    wording(rf"(?:the )?(?P<unit>{UNIT_WORD}) before last", _before_last),
    wording(
        r"(?:the |my |our )?(?P<which>last|past|previous|prior|trailing|preceding|recent|rolling|next|coming|following)"
        rf"[ -](?:the )?(?P<count>{NUMBER_WORD})[ -]?(?:full |whole |calendar |business )?(?P<unit>{UNIT_WORD})",
        _counted,
    ),
    wording(r"(?P<which>)(?P<count>\d{1,3})[ -](?P<unit>day|week|month) (?:window|period|span|lookback)", _counted),
    wording(rf"(?P<count>{NUMBER_WORD}) ?(?P<unit>{UNIT_WORD}) (?:ago|back|earlier)", _ago),
    wording(rf"(?:{DAY_WORD})(?!(?:'s)? (?:pace|rate|speed))", _spoken_day),
    wording(
        r"(?P<which>this |last |past |previous |next |coming )?"
        r"(?P<weekday>monday|tuesday|wednesday|thursday|friday|saturday|sunday|tues|thurs|thur)(?:'s)?",
        _weekday,
    ),
    wording(
        r"(?:(?<=on )|(?<=since )|(?<=until ))(?P<which>this |last |next )?(?P<weekday>mon|tue|wed|thu|fri|sat|sun)",
        _weekday,
    ),
    wording(r"(?P<unit>month|quarter|year|week)[ -]to[ -]date|(?P<short>[mqyw])td", _to_date),
    wording(
        r"(?:(?:by|at|until|till|through) )?(?:the )?(?:very )?(?:end|rest|remainder|close) of (?:the |this |next )?"
        r"(?P<unit>day|week|month|quarter|year)|eo(?P<short>[dwmqy])|(?:by |at )?(?P<unit2>month|quarter|year|week)[ -]end",
        _end_of,
    ),
    wording(
        r"(?:since )?(?:the )?(?:beginning|start|first) of (?:the |this )?(?P<unit>week|month|quarter|year)", _begin_of
    ),
    wording(
        r"all[ -]time|(?:in|over|during) (?:its|the|our) (?:whole |entire )?(?:lifetime|history)|"
        r"since (?:day one|launch|we (?:started|launched|began|signed up)|the (?:very )?beginning)|"
        r"from day one|ever since|to date",
        _ever,
    ),
)
"""Pattern and meaning of each wording."""
