"""The numbers that a text shows its reader, whatever they are written with: digits, words, dates, scales, Markdown in between.

Whatever has a digit and is not read here as a number, a date or a time is ``unreadable``, and so is a digit of another script.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from .number_words import number_words

Kind = Literal["money", "percent", "plain", "day", "month", "time", "unreadable"]


class Written(NamedTuple):
    """A number as it is written: ``said``. ``digit`` is the value of its last digit, to which it may have been rounded. Of a day,
    a month and a time, ``at`` has year (0: not said), month and day, year and month, or hour and minute."""

    said: str
    kind: Kind
    value: Decimal = Decimal(0)
    digit: Decimal = Decimal(1)
    at: tuple[int, ...] = ()


_MARKS: Final = re.compile(r"<[^>\n]{0,200}>|[*`~\\]|(?<!\w)_+|(?<!_)_++(?!\w)")
_SPACES: Final = re.compile(r"[^\S\n]+")
_LINES: Final = re.compile(r" ?\n\s*+")
_UNSEEN: Final = frozenset({"Cf", "Mn", "Me"})
"""Characters that are not seen, or sit on others."""
_DASHES: Final = str.maketrans(
    dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("’‘", "'") | dict.fromkeys("\u00a0\u2007\u2009\u202f", " ")
)

_MONTHS: Final = ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH: Final = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY: Final = r"(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_ENDS: Final = r"(?!\w|[.,]\d)"
_YEAR: Final = rf"(?P<year>\d{{4}}){_ENDS}"
_NO_UNIT: Final = r"(?!\s?(?:%|per\s?cent|pct))"
_DATES: Final = (
    re.compile(
        r"(?<!\w)(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
        r"(?:[T ](?P<hour>\d{2}):(?P<minute>\d{2})(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]00:00)?)?(?!\w)"
    ),
    re.compile(r"(?<![\w-])(?P<year>\d{4})-(?P<month>\d{2})(?![\w-])"),
    re.compile(rf"(?<![\w.,$]){_DAY}(?:\sof)?\s{_MONTH}(?:,?\s{_YEAR})?", re.I),
    re.compile(rf"\b{_MONTH}\s{_DAY}{_ENDS}{_NO_UNIT}(?:,?\s{_YEAR})?", re.I),
    re.compile(rf"\b{_MONTH},?\s{_YEAR}{_NO_UNIT}", re.I),
    re.compile(r"(?<![\w:.])(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?(?![\w:]|\s?[ap]\.?m)"),
)
_RUN: Final = re.compile(
    r"(?<![A-Za-z^])[A-Za-z^]*+(?>\d{1,3}(?: \d{3})+(?!\d)(?:\.\d+)?|\.?\d(?:[\d.,'/^]*\d)?)[A-Za-z\d^]*+", re.ASCII
)
_NUMBER: Final = re.compile(
    r"(?P<currency>USD|US)?"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:[ ']\d{3})+(?:\.\d+)?|(?:0|[1-9]\d*)?\.\d+|0|[1-9]\d*)"
    r"(?P<unit>[A-Za-z]*)",
    re.ASCII,
)
_FRACTION: Final = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})", re.ASCII)
_SCALES: Final = {
    "k": 10**3, "K": 10**3, "m": 10**6, "M": 10**6, "mn": 10**6, "b": 10**9, "B": 10**9, "bn": 10**9, "hundred": 100, "dozen": 12,
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
_UNITS: Final = frozenset(["x", "st", "nd", "rd", "th", "s", "ms", "h", "hr", "hrs", "d", "min", "mins", "sec", "secs"])
_DOLLAR_BEFORE: Final = re.compile(r"(?:\$|\bUSD)\s?-?\Z")
_OTHER_BEFORE: Final = re.compile(r"(?:[€£¥₹]|\b(?:EUR|GBP|JPY|CHF|INR|CNY|CAD|AUD))\s?-?\Z")
_AFTER: Final = re.compile(
    r"(?:[\s-]?(?P<scale>hundred|dozen|thousand|million|billion|trillion|k|K|M|mn|bn|B)\b)?"
    r"(?:[\s-]?(?:(?P<percent>%|per\s?cent(?:age\spoints?)?\b|pct\b|pp\b)|(?P<dollars>dollars?\b|bucks\b|USD\b|US\s?dollars?\b|\$)|"
    r"(?P<cents>cents?\b|¢)|(?P<other>€|£|¥|‰|euros?\b|EUR\b|pounds?\b|GBP\b|yen\b)))?",
)
_ONE_OF: Final = re.compile(r"\s(?:in|out\sof)\s(?:every\s)?", re.I)
_RANGE: Final = re.compile(r"\s?(?:-|to|or)\s?\$?", re.I)


def displayed(text: str) -> str:
    """The text as its reader sees it, as far as digits and signs go: without what Markdown, HTML and Unicode hide between, and
    with single spaces."""
    shown = html.unescape(text).translate(_DASHES)
    seen = (each for each in shown if unicodedata.category(each) not in _UNSEEN)
    plain = "".join(each if each.isascii() or _is_digit(each) else unicodedata.normalize("NFKC", each) for each in seen)
    return _LINES.sub("\n", _SPACES.sub(" ", _MARKS.sub("", plain)))


def numbers_in(shown: str) -> list[Written]:
    """The numbers of a text as it is ``displayed``, in no certain order."""
    found: list[Written] = []

    def take(match: re.Match[str]) -> str:
        found.extend(_date(match))
        return "\x00" * len(match[0])

    for pattern in _DATES:
        shown = pattern.sub(take, shown)
    found += [Written(each, "unreadable") for each in shown if not each.isascii() and _is_digit(each)]
    placed = [(match.start(), match.end(), None) for match in _RUN.finditer(shown)]
    spoken = [(word.start, word.end, word) for word in number_words(shown)]
    numbers: list[tuple[int, int, Written]] = []
    for start, end, word in sorted((*placed, *spoken), key=lambda each: each[0]):
        if numbers and start < numbers[-1][1]:  # "2 million": the number before has taken the word
            continue
        after = _AFTER.match(shown, end)
        assert after is not None  # all of it may be absent
        said = shown[start : max(end, after.end())].strip()
        if word is None:
            written = _digits(shown, start, end, said, after)
        elif word.value is None:
            written = Written(said, "unreadable")
        else:
            written = _of_kind(
                said, word.value, Decimal(1), shown[:start], after, "percent" if word.is_part else "plain"
            )
        numbers.append((start, max(end, after.end()), written))
    found += _joined(shown, numbers)
    return found


def _digits(shown: str, start: int, end: int, said: str, after: re.Match[str]) -> Written:
    run = shown[start:end]
    if (fraction := _FRACTION.fullmatch(run)) is not None:
        return Written(said, "percent", Decimal(100) * int(fraction[1]) / int(fraction[2]))
    match = _NUMBER.fullmatch(run)
    unit = "" if match is None else match["unit"]
    if match is None or (unit and unit not in _SCALES and unit not in _UNITS and unit != "USD"):
        return Written(said, "unreadable")
    plain = re.sub(r"[, ']", "", match["number"])
    value, digit = Decimal(plain), Decimal(1).scaleb(-len(plain.partition(".")[2]))
    scale = _SCALES.get(unit, 1)
    kind: Kind = "money" if match["currency"] or unit == "USD" else "plain"
    return _of_kind(said, value * scale, digit * scale, shown[:start], after, kind)


def _of_kind(said: str, value: Decimal, digit: Decimal, before: str, after: re.Match[str], kind: Kind) -> Written:
    """The number with what stands around it."""
    if (scale := after["scale"]) is not None:
        value, digit = value * _SCALES[scale], digit * _SCALES[scale]
    if after["other"] or _OTHER_BEFORE.search(before[-8:]):
        return Written(said, "unreadable")
    if after["percent"]:
        kind = "percent"
    elif after["cents"]:
        kind, value, digit = "money", value / 100, digit / 100
    elif after["dollars"] or _DOLLAR_BEFORE.search(before[-8:]):
        kind = "money"
    return Written(said, kind, value, digit)


def _joined(shown: str, numbers: list[tuple[int, int, Written]]) -> Iterator[Written]:
    """The numbers; "1 in 3" is a part of a whole, and both ends of a range have the sign of one."""
    for place, (start, end, written) in enumerate(numbers):
        _, before_end, before = numbers[place - 1] if place else (0, 0, None)
        after_start, _, after = numbers[place + 1] if place + 1 < len(numbers) else (0, 0, None)
        if written.kind == "plain":
            if (
                after is not None
                and after.kind == "plain"
                and _ONE_OF.fullmatch(shown[end:after_start])
                and after.value
            ):
                said = written.said + shown[end:after_start] + after.said
                yield Written(said, "percent", 100 * written.value / after.value)
                continue
            if before is not None and before.kind == "plain" and _ONE_OF.fullmatch(shown[before_end:start]):
                continue
            if after is not None and after.kind == "percent" and _RANGE.fullmatch(shown[end:after_start]):
                written = written._replace(kind="percent")
            elif before is not None and before.kind == "money" and _RANGE.fullmatch(shown[before_end:start]):
                written = written._replace(kind="money")
        yield written


def _date(match: re.Match[str]) -> Iterator[Written]:
    parts = match.groupdict()
    month = int(parts["month"]) if parts.get("month") else _MONTHS.index((parts.get("name") or "")[:3].lower())
    year, day = int(parts.get("year") or 0), int(parts.get("day") or 0)
    if day:
        yield Written(match[0], "day", at=(year, month, day))
    elif month:
        yield Written(match[0], "month", at=(year, month))
    if parts.get("hour"):
        yield Written(match[0], "time", at=(int(parts["hour"]), int(parts["minute"])))


def _is_digit(character: str) -> bool:
    return unicodedata.numeric(character, None) is not None
