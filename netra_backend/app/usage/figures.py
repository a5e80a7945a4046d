"""The figures that answers of tools hold, each by what it is a figure of. What the data calls its things is no figure.

Only this counts: numbers; texts that are an amount, a date or a time as a whole, in a field of such; and sentences that are this
code's own. All other texts come from the log, the price list or a message, and support nothing, whatever they say.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from .query import COLUMNS_OF_GROUPS
from .written_numbers import Kind, Written, displayed, numbers_in

SENTENCES: Final = frozenset(
    {"assumptions", "formula", "quality_risk", "remedy", "missing", "method", "title", "verdict", "notes"}
)
"""Fields whose texts are of this code, with the figures that it has put into them."""
MONTH_DAYS: Final = Decimal(30)
"""How long the month is that savings are extrapolated to (``Month``)."""
_DATES: Final = frozenset(
    {"from", "to", "at", "as_of", "month", "newest_price_from", "imported_at", "day", "week", "hour"}
)
_MONEY_UNDER: Final = frozenset({"usd_per_million", "by_time_of_day", "remaining_usd"})
_DATE: Final = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2}).*)?)?", re.ASCII)
_TIME: Final = re.compile(r"(\d{2}):(\d{2}) UTC", re.ASCII)
_NAME: Final = re.compile(r"(?!(?:usd?|eur|gbp)[\d.,]+\Z)[a-z][\w.:/@+-]*", re.I)
_WORD: Final = re.compile(r"(?<![\w.:/@+-])[\w.:/@+-]*\w")
_DIGIT: Final = re.compile(r"\d")
_NONE: Final[frozenset[Decimal]] = frozenset()


class Figures:
    """``names`` are those of the data, in lower case, that have digits in them; ``days`` are years, months and days, ``times``
    hours and minutes."""

    def __init__(self) -> None:
        self.money: set[Decimal] = set()
        self.percent: set[Decimal] = set()
        self.plain: set[Decimal] = set()
        self.days: set[tuple[int, int, int]] = set()
        self.months: set[tuple[int, int]] = set()
        self.times: set[tuple[int, int]] = set()
        self.names: set[str] = set()
        self.versions: set[str] = set()
        self._sorted: dict[Kind, list[Decimal]] = {}

    def add(self, answer: Any, *, own: Set[Decimal] = _NONE) -> None:
        """Add what this answer of a tool (JSON) holds, without the figures that are somebody's ``own``: they were given to the
        tool, and it says them again."""
        for path, value in _leaves(answer, ()):
            if isinstance(value, str):
                self._add_text(path, value, own)
            elif not isinstance(value, bool) and value is not None:
                self._add_number(path, Decimal(str(value)), own)

    def add_sentence(self, sentence: str, *, own: Set[Decimal] = _NONE) -> None:
        """Add the numbers and names of a sentence that is this code's own."""
        for written in numbers_in(displayed(sentence)):
            if written.value not in own:
                self._add(written.kind, written.value)
        self._add_names(_WORD.findall(sentence))

    def add_day(self, day: str) -> None:
        """Add a day, or a moment of one, in ISO 8601; anything else is none."""
        self._add_date(day)

    def add_period(self, first: str, after: str) -> None:
        """Add the days that bound a period, and the last day in it: ``after`` is the moment at which it has ended."""
        self._add_date(first)
        self._add_date(after)
        if (match := _DATE.fullmatch(after)) is not None and match[3]:
            with suppress(ValueError, OverflowError):  # there is no such day
                last = date(int(match[1]), int(match[2]), int(match[3])).toordinal() - 1
                self._add_date(date.fromordinal(last).isoformat())

    def has(self, written: Written) -> bool:
        """Whether one of these figures is the one that is written, or rounds to it at its last digit."""
        if written.kind == "unreadable":
            return False
        if written.kind == "day":
            year, month, day = written.at
            return any(each[1:] == (month, day) and year in (0, each[0]) for each in self.days)
        if written.kind == "month":
            return written.at in self.months
        if written.kind == "time":
            return written.at in self.times
        # A sign may be in the words ("down by 5 %"), so sizes are compared.
        value, off = abs(written.value), written.digit / 2
        figures = self._sizes(written.kind)
        place = bisect_left(figures, value - off)
        return place < len(figures) and figures[place] <= value + off

    def _sizes(self, kind: Kind) -> list[Decimal]:
        """The sizes of all figures of a kind, in order; a number without a sign may be of any."""
        if kind not in self._sorted:
            sets = {"money": [self.money], "percent": [self.percent]}.get(kind, [self.plain, self.money, self.percent])
            self._sorted[kind] = sorted({abs(each) for figures in sets for each in figures})
        return self._sorted[kind]

    def _add_number(self, path: tuple[str, ...], value: Decimal, own: Set[Decimal]) -> None:
        if value.is_finite() and abs(value) not in own:
            kind = _kind(path)
            self._add(kind, value)
            if path[-1] == "from_days":
                self._add(kind, MONTH_DAYS)
            if path[-1].endswith(("_rate", "_share")):
                self._add("percent", 100 * value)

    def _add_text(self, path: tuple[str, ...], value: str, own: Set[Decimal]) -> None:
        name = path[-1]
        if name in SENTENCES:
            self.add_sentence(value, own=own)
        elif name == "version":
            self.versions.add(value)
        elif name in _DATES or (name == "key" and "day" in path):
            self._add_date(value)
        elif _kind(path) != "plain" or "(metric)" in path:
            number = _decimal(value)
            if number is not None:
                self._add_number(path, number, own)
        else:
            self._add_names([value])

    def _add(self, kind: Kind, value: Decimal) -> None:
        self._sorted.clear()
        if kind == "money":
            self.money.add(value)
        elif kind == "percent":
            self.percent.add(value)
        elif kind == "plain":
            self.plain.add(value)

    def _add_date(self, value: str) -> None:
        if (match := _DATE.fullmatch(value)) is not None:
            year, month = int(match[1]), int(match[2])
            self.months.add((year, month))
            self._add("plain", Decimal(year))
            if match[3]:
                self.days.add((year, month, int(match[3])))
            if match[4]:
                self.times.add((int(match[4]), int(match[5])))
        elif (time := _TIME.fullmatch(value)) is not None:
            self.times.add((int(time[1]), int(time[2])))

    def _add_names(self, values: Iterable[str]) -> None:
        self.names.update(value.lower() for value in values if _DIGIT.search(value) and _NAME.fullmatch(value))


def _kind(path: tuple[str, ...]) -> Kind:
    name = path[-1]
    if "usd" in name.split("_") or (_MONEY_UNDER.intersection(path) and not name.endswith("_tokens")):
        return "money"
    return "percent" if any("percent" in part for part in path) else "plain"


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text) if re.fullmatch(r"-?\d+(?:\.\d+)?", text, re.ASCII) else None
    except InvalidOperation:
        return None


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value with the names of the fields that it is under. How long a list is counts as a figure, unless it was cut off."""
    if isinstance(value, Mapping):
        if isinstance(value.get("columns"), list) and isinstance(value.get("rows"), list):
            yield from _cells(value)
            value = {name: inner for name, inner in value.items() if name not in ("columns", "rows")}
        for name, inner in value.items():
            yield from _leaves(inner, (*path, str(name)))
    elif isinstance(value, list | tuple):
        if not any(isinstance(each, Mapping) and each.get("rest") for each in value):
            yield (*path, "(length)"), len(value)
        for inner in value:
            yield from _leaves(inner, path)
    elif path:
        yield path, value


def _cells(table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The cells of a table by their columns: names of the data are none of its metrics."""
    if not table.get("truncated"):
        yield ("rows", "(length)"), len(table["rows"])
    for row in table["rows"]:
        for column, cell in zip(table["columns"], row, strict=False):
            if column not in COLUMNS_OF_GROUPS:
                yield ("(metric)", str(column)), cell
            elif isinstance(cell, str):
                yield ("(name)",), cell
