"""Periods in words: where a message names one, as said, and which dates it means in the time zone of the user.

Choices that words leave open: ``last week`` is the previous Monday to Sunday, ``past week`` the seven days that end today;
a bare weekday or month is the latest one that has begun; ``3/4/2026`` is read month first unless that cannot be.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from .calendar_words import (
    DAY_WORD,
    MONTH_AMBIGUOUS,
    MONTH_NUMBER,
    MONTH_WORD,
    NUMBER_WORD,
    PATTERN_FLAGS,
    UNIT_WORD,
    WEEKDAY_NUMBER,
    add_months,
    day_of,
    first_of,
    number_of,
    unit_of,
    week_of,
)
from .text import Text

Range = tuple[date | None, date]
"""A first day (``None``: from the beginning) and the day after the last."""


@dataclass(frozen=True, slots=True)
class Period:
    """``said`` is the user's wording; ``start_ms`` to ``end_ms`` (exclusive) the time meant, ``None`` from the beginning."""

    said: str
    start_ms: int | None
    end_ms: int
    start: str | None
    end: str
    at: tuple[int, int]
    """Where it stands in ``Text.lower``."""

    def as_json(self) -> dict[str, Any]:
        """``start`` and ``end`` are local dates, both inclusive."""
        return {
            "said": self.said,
            "start": self.start,
            "end": self.end,
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
        }


@dataclass(frozen=True, slots=True)
class _Now:
    moment: datetime
    today: date


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    range: Range | tuple[datetime, datetime]

    def first(self, zone: tzinfo) -> datetime | None:
        return _at(self.range[0], zone)

    def after(self, zone: tzinfo) -> datetime:
        moment = _at(self.range[1], zone)
        assert moment is not None
        return moment


def _at(value: date | None, zone: tzinfo) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day, tzinfo=zone)


def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name; UTC where there is none such."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def find_periods(text: Text, *, now_ms: int, timezone: str = "UTC") -> list[Period]:
    """All periods that a message names, in order, joined where it names a range (``from May to July``)."""
    zone = zone_of(timezone)
    moment = datetime.fromtimestamp(now_ms / 1000, zone)
    now = _Now(moment, moment.date())
    return [_period(text, found, zone) for found in _joined(text.lower, _mentions(text.lower, now), now, zone)]


def _mentions(lower: str, now: _Now) -> list[_Found]:
    spans: list[_Found] = []
    for pattern, handler in _PATTERNS:
        for match in pattern.finditer(lower):
            try:
                meant = handler(match, now)
            except (ValueError, OverflowError):  # no such day, or beyond the calendar: not a period
                continue
            if meant is not None:
                spans.append(_Found(match.start(), match.end(), meant))
    spans.sort(key=lambda found: (found.start, -found.end))
    kept: list[_Found] = []
    for found in spans:
        if not kept or found.start >= kept[-1].end:
            kept.append(found)
        elif found.end - found.start > kept[-1].end - kept[-1].start:
            kept[-1] = found
    return kept


_BETWEEN: Final = re.compile(r"\s*(?:-|to|until|till|through|thru|up to|and)\s*\Z")
_FROM: Final = re.compile(r"(?:from|between)\s+(?:the\s+)?\Z")
_SINCE: Final = re.compile(r"(?:since|starting(?: from| on| in)?|from|ever since)\s+(?:the\s+)?\Z")
_UNTIL: Final = re.compile(r"(?:by|until|till|through|thru|before|up to)\s+(?:the\s+)?\Z")
_WEEK_OF: Final = re.compile(r"(?:the\s+)?week\s+(?:of|starting|beginning|commencing)\s+(?:on\s+)?(?:the\s+)?\Z")
_ONWARD: Final = re.compile(r"\s+(?:so far|on(?:wards?)?|till now|until now|to now|until today)\b")
_RELATIVE: Final = re.compile(r"\b(?:this|last|previous|current|next|today|yesterday)\b")
_LOOK_BACK: Final = 40


def _joined(lower: str, found: list[_Found], now: _Now, zone: tzinfo) -> list[_Found]:
    out: list[_Found] = []
    for item in found:
        before = lower[max(0, item.start - _LOOK_BACK) : item.start]
        if out and _BETWEEN.match(lower, out[-1].end, item.start) and item.start - out[-1].end <= 12:
            linked = lower[out[-1].end : item.start].strip()
            named = not (
                _RELATIVE.search(lower, out[-1].start, out[-1].end) or _RELATIVE.search(lower, item.start, item.end)
            )
            opened = _FROM.search(lower[max(0, out[-1].start - _LOOK_BACK) : out[-1].start]) is not None
            start, end = out[-1].first(zone), item.after(zone)
            if (opened or linked != "and") and (opened or named) and start is not None and start < end:
                out[-1] = _Found(out[-1].start, item.end, (start, end))
                continue
        if week := _WEEK_OF.search(before):
            first = item.first(zone)
            if first is not None:
                item = _Found(item.start - len(week.group()), item.end, (first, first + timedelta(days=7)))
        elif since := _SINCE.search(before):
            first = item.first(zone)
            follows = any(_BETWEEN.match(lower, item.end, other.start) for other in found if other.start > item.end)
            if first is not None and first < now.moment and not follows:
                day_after = now.today + timedelta(days=1)
                if since.group().startswith("from") and not _ONWARD.match(lower, item.end):
                    out.append(item)
                    continue
                item = _Found(
                    item.start - len(since.group()), item.end, (first, datetime(*_ymd(day_after), tzinfo=zone))
                )
        elif until := _UNTIL.search(before):
            end = item.after(zone)
            if end <= now.moment and not re.search(r"\d{4}", lower[item.start : item.end]):
                end = _at(add_months(end.date(), 12), zone) or end
            if end > now.moment:
                begin = datetime(*_ymd(now.today), tzinfo=zone)
                item = _Found(item.start - len(until.group()), item.end, (begin, end))
        out.append(item)
    return out


def _ymd(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day


def _period(text: Text, found: _Found, zone: tzinfo) -> Period:
    start, end = found.first(zone), found.after(zone)
    last = end - timedelta(microseconds=1)
    return Period(
        said=text.cite(found.start, found.end).strip(),
        start_ms=None if start is None else round(start.timestamp() * 1000),
        end_ms=round(end.timestamp() * 1000),
        start=None if start is None else start.date().isoformat(),
        end=last.date().isoformat(),
        at=(found.start, found.end),
    )


# --- what each wording means ----------------------------------------------------------------------------------------

_DAY: Final = timedelta(days=1)
_Meaning = Range | tuple[datetime, datetime] | None
_Handler = Callable[[re.Match[str], _Now], _Meaning]


def _days(first: date, count: int = 1) -> Range:
    return first, first + timedelta(days=count)


def _span(unit: str, offset: int, today: date) -> Range:
    """The calendar unit ``offset`` units away from the one that holds ``today``."""
    if unit == "day":
        return _days(today + timedelta(days=offset))
    if unit in ("week", "weekend", "fortnight"):
        monday = week_of(today) + timedelta(weeks=offset)
        if unit == "weekend":
            return _days(monday + timedelta(days=5), 2)
        return (monday - timedelta(weeks=1), monday + timedelta(weeks=1)) if unit == "fortnight" else _days(monday, 7)
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    first = first_of(unit, today)
    return add_months(first, months * offset), add_months(first, months * (offset + 1))


def _relative(match: re.Match[str], now: _Now) -> _Meaning:
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


def _before_last(match: re.Match[str], now: _Now) -> _Meaning:
    return _span(unit_of(match["unit"]), -2, now.today)


def _trailing(count: int, unit: str, now: _Now) -> _Meaning:
    tomorrow = now.today + _DAY
    if unit in ("hour", "minute"):
        return now.moment - timedelta(**{unit + "s": count}), now.moment
    if unit in ("month", "quarter", "year"):
        return add_months(tomorrow, -count * {"month": 1, "quarter": 3, "year": 12}[unit]), tomorrow
    return tomorrow - timedelta(days=count * {"day": 1, "week": 7, "weekend": 7, "fortnight": 14}[unit]), tomorrow


def _counted(match: re.Match[str], now: _Now) -> _Meaning:
    count, unit = number_of(match["count"]), unit_of(match["unit"])
    if count < 1:
        return None
    if match["which"] in _NEXT:
        if unit in ("hour", "minute"):
            return now.moment, now.moment + timedelta(**{unit + "s": count})
        months = {"month": 1, "quarter": 3, "year": 12}.get(unit)
        if months:
            return now.today, add_months(now.today, months * count)
        return _days(now.today, count * {"day": 1, "week": 7, "weekend": 7, "fortnight": 14}[unit])
    return _trailing(count, unit, now)


def _ago(match: re.Match[str], now: _Now) -> _Meaning:
    count, unit = number_of(match["count"]), unit_of(match["unit"])
    if unit in ("hour", "minute"):
        moment = now.moment - timedelta(**{unit + "s": count})
        return moment, now.moment
    return _span(unit, -count, now.today)


def _spoken_day(match: re.Match[str], now: _Now) -> _Meaning:
    return _days(now.today + timedelta(days=day_of(match.group())))


def _weekday(match: re.Match[str], now: _Now) -> _Meaning:
    number, which = WEEKDAY_NUMBER[match["weekday"][:3]], match["which"] or ""
    monday = week_of(now.today)
    if which.strip() in _NEXT:
        return _days(monday + timedelta(days=7 + number))
    back = (now.today.weekday() - number) % 7
    if which.strip() == "this":
        return _days(monday + timedelta(days=number))
    return _days(now.today - timedelta(days=back or (7 if which.strip() in ("last", "previous", "past") else 0)))


def _year_for(month: int, now: _Now, which: str = "") -> int:
    if which.strip() == "last":
        return now.today.year - (month >= now.today.month)
    if which.strip() in _NEXT or which.strip() in ("by", "until", "till", "end of", "by end of"):
        return now.today.year + (month < now.today.month)
    return now.today.year - (month > now.today.month)


def _year(text: str | None) -> int | None:
    if not text:
        return None
    number = int(text.strip("' ,"))
    return number if number > 99 else 2000 + number


def _month(match: re.Match[str], now: _Now) -> _Meaning:
    month = MONTH_NUMBER[match["month"][:3]]
    year = _year(match["year"]) or _year_for(month, now, match["which"] or "")
    first = date(year, month, 1)
    return first, add_months(first, 1)


def _day_in_month(match: re.Match[str], now: _Now) -> _Meaning:
    month = MONTH_NUMBER[match["month"][:3]]
    year = _year(match["year"]) or _year_for(month, now)
    first = date(year, month, int(match["day"]))
    until = match.groupdict().get("until")
    return (first, date(year, month, int(until)) + _DAY) if until else _days(first)


def _iso_day(match: re.Match[str], now: _Now) -> _Meaning:
    return _days(date(int(match["year"]), int(match["month"]), int(match["day"])))


def _iso_month(match: re.Match[str], now: _Now) -> _Meaning:
    first = date(int(match["year"]), int(match["month"]), 1)
    return first, add_months(first, 1)


def _slashed(match: re.Match[str], now: _Now) -> _Meaning:
    first, second = int(match["first"]), int(match["second"])
    month, day = (second, first) if first > 12 else (first, second)
    return _days(date(_year(match["year"]) or _year_for(month, now), month, day))


def _quarter(match: re.Match[str], now: _Now) -> _Meaning:
    number = _ORDINALS.get(match["number"]) or int(match["number"])
    first = date(_year(match["year"]) or now.today.year, 3 * number - 2, 1)
    if not match["year"] and first > now.today and not match["until"]:
        first = date(first.year - 1, first.month, 1)
    return first, add_months(first, 3)


def _half(match: re.Match[str], now: _Now) -> _Meaning:
    first = date(_year(match["year"]) or now.today.year, 1 if match["number"] in ("1", "first") else 7, 1)
    return first, add_months(first, 6)


def _to_date(match: re.Match[str], now: _Now) -> _Meaning:
    unit = _UNIT_OF_LETTER[(match["unit"] or match["short"])[0]]
    return first_of(unit, now.today), now.today + _DAY


def _end_of(match: re.Match[str], now: _Now) -> _Meaning:
    unit = _UNIT_OF_LETTER[(match["unit"] or match["short"] or match["unit2"])[0]]
    return now.today, _span(unit, 1 if "next" in match.group() else 0, now.today)[1]


def _begin_of(match: re.Match[str], now: _Now) -> _Meaning:
    unit = unit_of(match["unit"])
    return first_of(unit, now.today), now.today + _DAY


def _ordinal_day(match: re.Match[str], now: _Now) -> _Meaning:
    first = now.today.replace(day=int(match["day"]))
    return _days(first if first <= now.today else add_months(now.today.replace(day=1), -1).replace(day=first.day))


def _calendar_year(match: re.Match[str], now: _Now) -> _Meaning:
    year = _year(match["year"])
    assert year is not None
    return date(year, 1, 1), date(year + 1, 1, 1)


def _ever(match: re.Match[str], now: _Now) -> _Meaning:
    return None, now.today + _DAY


_NEXT: Final = frozenset({"next", "coming", "upcoming", "following"})
_THIS: Final = frozenset({"this", "current", "the current", "this current"})
_UNIT_OF_LETTER: Final = {"m": "month", "q": "quarter", "y": "year", "w": "week", "d": "day"}
_ORDINALS: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_WHICH = r"(?P<which>this|the current|current|last|previous|prior|past|preceding|next|coming|upcoming|following)"
_YEAR = r"(?P<year>20\d\d)"


def _compiled(pattern: str, handler: _Handler) -> tuple[re.Pattern[str], _Handler]:
    return re.compile(rf"\b(?:{pattern})(?![\w])", PATTERN_FLAGS), handler


_PATTERNS: Final = (
    _compiled(rf"{_YEAR}[-/.](?P<month>0?[1-9]|1[0-2])[-/.](?P<day>0?[1-9]|[12]\d|3[01])", _iso_day),
    _compiled(rf"{_YEAR}-(?P<month>0[1-9]|1[0-2])(?![-\d])", _iso_month),
    _compiled(r"(?P<first>\d{1,2})[/.](?P<second>\d{1,2})[/.](?P<year>\d{4}|\d{2})", _slashed),
    _compiled(
        r"(?:(?<=on )|(?<=since )|(?<=from )|(?<=until ))(?P<first>\d{1,2})/(?P<second>\d{1,2})(?P<year>)", _slashed
    ),
    _compiled(
        rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{MONTH_WORD})(?:,? (?P<year>20\d\d))?", _day_in_month
    ),
    _compiled(
        rf"(?P<month>{MONTH_WORD})\.? (?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<year>20\d\d))?"
        r"(?![%:.,]?\d|\s?(?:%|k\b|million))",
        _day_in_month,
    ),
    _compiled(
        rf"(?P<month>{MONTH_WORD})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)? ?(?:-|to) ?"
        r"(?P<until>\d{1,2})(?:st|nd|rd|th)?(?:,? (?P<year>20\d\d))?",
        _day_in_month,
    ),
    _compiled(
        rf"(?P<which>last |this |next |early |mid |late )?(?P<month>{MONTH_WORD})(?:'s)?"
        r"(?:(?: of)?,? ?(?P<year>20\d\d|'\d\d))?",
        _month,
    ),
    _compiled(
        rf"(?:(?<=in )|(?<=for )|(?<=during )|(?<=since )|(?<=until )|(?<=by )|(?<=of )|(?<=and )|(?<=to )|(?<=from )|"
        rf"(?<=vs )|(?<=between ))(?P<which>)(?P<month>{MONTH_AMBIGUOUS})(?:,? (?P<year>20\d\d))?",
        _month,
    ),
    _compiled(rf"(?P<which>last |this |next )(?P<month>{MONTH_AMBIGUOUS})(?P<year>)", _month),
    _compiled(rf"(?P<which>)(?P<month>{MONTH_AMBIGUOUS}),? (?P<year>20\d\d)", _month),
    _compiled(r"(?P<until>end of )?q(?P<number>[1-4])(?:[ /-]?(?:of |fy)?'?(?P<year>20\d\d|\d\d))?", _quarter),
    _compiled(
        r"(?P<until>end of )?(?:the )?(?P<number>first|second|third|fourth|1st|2nd|3rd|4th) quarter"
        r"(?: (?:of )?(?P<year>20\d\d))?",
        _quarter,
    ),
    _compiled(r"h(?P<number>[12])(?:[ /-]?'?(?P<year>20\d\d|\d\d))?", _half),
    _compiled(r"(?P<number>first|second) half of (?:the year|this year|(?P<year>20\d\d))", _half),
    _compiled(rf"{_WHICH} (?:full |calendar |fiscal |entire |whole |billing )?(?P<unit>{UNIT_WORD})(?:'s)?", _relative),
    _compiled(r"(?P<which>over the|the) (?P<unit>weekend)", _relative),
    _compiled(rf"(?:the )?(?P<unit>{UNIT_WORD}) before last", _before_last),
    _compiled(
        rf"(?:the |my |our )?(?P<which>last|past|previous|prior|trailing|preceding|recent|rolling|next|coming|following)"
        rf"[ -](?:the )?(?P<count>{NUMBER_WORD})[ -]?(?:full |whole |calendar |business )?(?P<unit>{UNIT_WORD})",
        _counted,
    ),
    _compiled(
        rf"(?P<which>)(?P<count>\d{{1,3}})[ -](?P<unit>day|week|month) (?:window|period|span|lookback)", _counted
    ),
    _compiled(rf"(?P<count>{NUMBER_WORD}) ?(?P<unit>{UNIT_WORD}) (?:ago|back|earlier)", _ago),
    _compiled(DAY_WORD, _spoken_day),
    _compiled(
        r"(?P<which>this |last |past |previous |next |coming )?"
        r"(?P<weekday>monday|tuesday|wednesday|thursday|friday|saturday|sunday|tues|thurs|thur)(?:'s)?",
        _weekday,
    ),
    _compiled(
        r"(?:(?<=on )|(?<=since )|(?<=until ))(?P<which>this |last |next )?(?P<weekday>mon|tue|wed|thu|fri|sat|sun)",
        _weekday,
    ),
    _compiled(r"(?P<unit>month|quarter|year|week)[ -]to[ -]date|(?P<short>[mqyw])td", _to_date),
    _compiled(
        r"(?:(?:by|at|until|till|through) )?(?:the )?(?:very )?(?:end|rest|remainder|close) of (?:the |this |next )?"
        r"(?P<unit>day|week|month|quarter|year)|eo(?P<short>[dwmqy])|(?:by |at )?(?P<unit2>month|quarter|year|week)[ -]end",
        _end_of,
    ),
    _compiled(
        r"(?:since )?(?:the )?(?:beginning|start|first) of (?:the |this )?(?P<unit>week|month|quarter|year)", _begin_of
    ),
    _compiled(r"the (?P<day>\d{1,2})(?:st|nd|rd|th)", _ordinal_day),
    _compiled(rf"(?:(?<=in )|(?<=during )|(?<=for )|(?<=of )|(?<=since )|(?<=year )|fy ?){_YEAR}", _calendar_year),
    _compiled(r"fy ?'?(?P<year>\d\d)", _calendar_year),
    _compiled(
        r"all[ -]time|(?:in|over|during) (?:its|the|our) (?:whole |entire )?(?:lifetime|history)|since (?:day one|launch|we "
        r"(?:started|launched|began|signed up)|the (?:very )?beginning)|from day one|ever since|to date|so far ever|in total ever",
        _ever,
    ),
)
