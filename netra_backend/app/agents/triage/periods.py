"""Periods in words: where a message names one, as said, and which dates it means in the time zone of the user.

Choices that words leave open: ``last week`` is the previous Monday to Sunday, ``past week`` the seven days that end today;
a bare weekday or month is the latest one that has begun; ``3/4/2026`` is read month first unless that cannot be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from .calendar_words import MONTH_WORD, Now, Range, add_months
from .dated_periods import DATED
from .relative_periods import RELATIVE
from .text import Text


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
class _Found:
    start: int
    end: int
    range: Range

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
    """The zone of an IANA name; UTC if there is none such."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def find_periods(text: Text, *, now_ms: int, timezone: str = "UTC") -> list[Period]:
    """All periods that a message names, in order, joined where it names a range (``from May to July``)."""
    zone = zone_of(timezone)
    moment = datetime.fromtimestamp(now_ms / 1000, zone)
    now = Now(moment, moment.date())
    return [_period(text, found, zone) for found in _joined(text.lower, _mentions(text.lower, now), now, zone)]


def _mentions(lower: str, now: Now) -> list[_Found]:
    spans: list[_Found] = []
    for pattern, handler in (*DATED, *RELATIVE):
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
_WEEKDAY: Final = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)day")
_MONTH: Final = re.compile(MONTH_WORD)
_LOOK_BACK: Final = 40


def _joined(lower: str, found: list[_Found], now: Now, zone: tzinfo) -> list[_Found]:
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
            end = _coming(item.after(zone), lower[item.start : item.end], now)
            if end > now.moment:
                begin = datetime(*_ymd(now.today), tzinfo=zone)
                item = _Found(item.start - len(until.group()), item.end, (begin, end))
        out.append(item)
    return out


def _coming(end: datetime, said: str, now: Now) -> datetime:
    """The next such end where a weekday or a month without a year has passed already."""
    if end <= now.moment and _WEEKDAY.search(said):
        return end + timedelta(days=7)
    if end <= now.moment and _MONTH.search(said) and not any(character.isdigit() for character in said):
        return _at(add_months(end.date(), 12), end.tzinfo or UTC) or end
    return end


def _ymd(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day


def _period(text: Text, found: _Found, zone: tzinfo) -> Period:
    start, end = found.first(zone), found.after(zone)
    last = end - timedelta(microseconds=1)
    return Period(
        said=text.cite(found.start, found.end).strip().removesuffix("'s"),
        start_ms=None if start is None else round(start.timestamp() * 1000),
        end_ms=round(end.timestamp() * 1000),
        start=None if start is None else start.date().isoformat(),
        end=last.date().isoformat(),
        at=(found.start, found.end),
    )
