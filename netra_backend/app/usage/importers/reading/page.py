"""Records that are read together, column by column.

What is done once a row decides what a million rows cost. So a column whose values are all of the plain kind is checked as a
whole; any other is checked value by value, by the same functions of ``values`` that a single row is checked by. Both ways give
the same values and refuse with the same reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import compress
from operator import itemgetter
from types import NoneType
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..row import BadRow, NotUsage, UsageRow
from . import values as single
from .batch import Record, Table
from .shapes import AMOUNTS, shapes_of
from .timestamps import Moments, timestamps_of
from .values import MAX_COST_USD, MAX_LATENCY_MS, MAX_TEXT, MAX_TOKENS, Times

Column = Sequence[Any] | NDArray[Any] | str | int
"""One value a row; a single ``str`` or ``int`` holds for all rows."""
Columns = Mapping[str, Column]
"""Columns of the usage table (``rows.COLUMNS``) by name; one that is left out holds nothing. ``ts`` is ``Moments``."""

_Value = TypeVar("_Value")
_NOTHING: Final = frozenset({NoneType})
_TEXT: Final = frozenset({str, NoneType})
_WHOLE: Final = frozenset({int, NoneType})
_NUMBER: Final = frozenset({int, float, NoneType})
_DIGITS: Final = 12
_WORDS: Final = frozenset({str, bool, NoneType})
_FEW: Final = 16
_HARMLESS: Final = UsageRow(
    ts=single.EARLIEST, model="", operation="", status="", input_tokens=0, output_tokens=0, source="", granularity=""
)
"""Stands at the place of a record that is no row, until the page is finished."""


class Page:
    """Some records, and ``faults``: the place of a record → the first thing that was found to be wrong with it.

    Columns are checked in the order of the calls. A place with a fault holds something harmless in the columns, and is left
    out of ``finished`` ones.
    """

    __slots__ = ("faults", "records")

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.faults: dict[int, BadRow | NotUsage] = {}

    def __len__(self) -> int:
        return len(self.records)

    def member(self, name: str) -> list[Any]:
        """What stands under ``name`` in each record; ``None`` if nothing does."""
        if isinstance(self.records, Table):
            return self.records.member(name)
        return members(self.records, name)

    def refuse(self, place: int, fault: BadRow | NotUsage) -> None:
        """The record at ``place`` is no row, unless something else was wrong with it before."""
        # The traceback would hold the page, and the page holds the fault.
        self.faults.setdefault(place, fault.with_traceback(None))

    def each(self, check: Callable[..., _Value], instead: _Value, *columns: Iterable[Any]) -> list[_Value]:
        """``check`` of each row's values; ``instead`` where it raises ``BadRow`` or ``NotUsage``."""
        found = []
        for place, given in enumerate(zip(*columns, strict=True)):
            try:
                found.append(check(*given))
            except (BadRow, NotUsage) as fault:
                self.refuse(place, fault)
                found.append(instead)
        return found

    def of_few(self, check: Callable[[Any], _Value], instead: _Value, values: list[Any]) -> list[_Value]:
        """``each`` of a column in which the same few words stand again and again."""
        if set(map(type, values)) <= _WORDS and len(words := set(values)) <= _FEW:
            try:
                return list(map({word: check(word) for word in words}.__getitem__, values))
            except (BadRow, NotUsage):
                pass  # which places they are at is found one by one
        return self.each(check, instead, values)

    def tokens(self, values: list[Any], name: str) -> list[int]:
        """Counts of tokens that must be there; see ``values.tokens``."""
        kinds = set(map(type, values))
        if kinds == {int} and min(values) >= 0 and max(values) <= MAX_TOKENS:
            return values
        if kinds == {str} and all(values) and "".join(values).isdecimal() and max(map(len, values)) <= _DIGITS:
            return list(map(int, values))
        return self.each(lambda value: single.tokens(value, name), 0, values)

    def optional_tokens(self, values: list[Any], name: str) -> list[int | None]:
        """Counts of tokens that may be left out; see ``values.optional_tokens``."""
        kinds = set(map(type, values))
        if kinds == _NOTHING:
            return values
        if kinds <= _WHOLE:
            known = [value for value in values if value is not None] if NoneType in kinds else values
            if min(known) >= 0 and max(known) <= MAX_TOKENS:
                return values
        if kinds == {str} and all(values):
            return list(self.tokens(values, name))
        return self.each(lambda value: single.optional_tokens(value, name), None, values)

    def money(self, values: list[Any], name: str) -> list[str | None]:
        """Amounts in USD; see ``values.money``."""
        kinds = set(map(type, values))
        if kinds == _NOTHING:
            return values
        if kinds == {float} and min(values) >= 0 and max(values) <= MAX_COST_USD and _no_nan(values):
            return [f"{value:.12f}" for value in values]
        if kinds == {str} and (shapes := shapes_of(values)) is not None:
            return self._money_as_written(values, shapes, name)
        return self.each(lambda value: single.money(value, name), None, values)

    def _money_as_written(self, values: list[str], shapes: list[bytes], name: str) -> list[str | None]:
        """Plain amounts as they are; the others one by one."""
        found: list[str | None] = list(values)
        for place in (place for place, shape in enumerate(shapes) if shape not in AMOUNTS):
            try:
                found[place] = single.money(values[place], name)
            except BadRow as fault:
                self.refuse(place, fault)
                found[place] = None
        return found

    def milliseconds(self, values: list[Any], name: str) -> list[float | None]:
        """Durations in ms; see ``values.milliseconds``."""
        kinds = set(map(type, values))
        if kinds == _NOTHING:
            return values
        if kinds <= _NUMBER:
            known = [value for value in values if value is not None]
            if min(known) >= 0 and max(known) <= MAX_LATENCY_MS and _no_nan(known):
                return [value if value is None else float(value) for value in values]
        if kinds == {str}:
            durations = _floats(values)
            if durations and min(durations) >= 0 and max(durations) <= MAX_LATENCY_MS and _no_nan(durations):
                return list(durations)
        return self.each(lambda value: single.milliseconds(value, name), None, values)

    def text(self, values: list[Any]) -> list[str | None]:
        """Short texts; see ``values.text``."""
        kinds = set(map(type, values))
        if kinds == _NOTHING:
            return values
        if kinds <= _TEXT:
            known = values if all(values) else [value for value in values if value]
            joined = "".join(known)
            if joined.isprintable() and max(map(len, known), default=0) <= MAX_TEXT:
                if " " in joined:
                    return [value.strip() or None if value else None for value in values]
                return values if len(known) == len(values) else [value or None for value in values]
        return list(map(single.text, values))

    def timestamps(self, values: list[Any], name: str, times: Times) -> Moments:
        """Points in time; see ``values.Times.read``."""
        found = timestamps_of(values, times)
        if found is not None:
            return found
        read = self.each(lambda value: times.read(value, name), single.EARLIEST, values)
        return np.array([_micros(moment) for moment in read], dtype="datetime64[us]")

    def finished(self, columns: Columns) -> Columns:
        """``columns`` without the places that have a fault."""
        if not self.faults:
            return columns
        kept = [place not in self.faults for place in range(len(self))]
        return {name: _kept(column, kept) for name, column in columns.items()}


def by_row(convert: Callable[[Record], UsageRow]) -> Callable[[Page], Columns]:
    """How a format reads a page that makes one row of one record at a time. ``convert`` raises ``BadRow`` or ``NotUsage``."""

    def read(page: Page) -> Columns:
        rows = page.each(convert, _HARMLESS, page.records)
        columns: dict[str, Column] = {name: [getattr(row, name) for row in rows] for name in UsageRow.__struct_fields__}
        return {**columns, "ts": np.array([_micros(row.ts) for row in rows], dtype="datetime64[us]")}

    return read


def members(records: Sequence[Record], name: str) -> list[Any]:
    """What stands under ``name`` in each record; ``None`` if nothing does."""
    try:
        return list(map(itemgetter(name), records))  # twice as fast as to ask each record whether it has it
    except KeyError:
        return [record.get(name) for record in records]


def first_of(one: list[_Value | None], other: list[_Value | None]) -> list[_Value | None]:
    """What ``one`` holds, or ``other`` where it holds nothing."""
    nothing = one.count(None)
    if nothing in (0, len(one)):
        return other if nothing else one
    return [second if first is None else first for first, second in zip(one, other, strict=True)]


def rows_of(columns: Columns, count: int) -> Iterator[UsageRow]:
    """The first ``count`` rows of finished columns, one by one."""
    for place in range(count):
        row: dict[str, Any] = {
            name: column if isinstance(column, (str, int)) else column[place] for name, column in columns.items()
        }
        yield UsageRow(**{**row, "ts": row["ts"].astype(datetime).replace(tzinfo=UTC)})


def length(columns: Columns) -> int:
    """How many rows there are in columns."""
    return len(columns["ts"])  # type: ignore[arg-type]  # times are never the same for all


def _floats(values: list[str]) -> list[float]:
    try:
        return list(map(float, values))
    except ValueError:
        return []


def _no_nan(values: list[float]) -> bool:
    total = sum(values)
    return total == total


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _kept(column: Column, kept: list[bool]) -> Column:
    if isinstance(column, (str, int)):
        return column
    return column[np.array(kept)] if isinstance(column, np.ndarray) else list(compress(column, kept))
