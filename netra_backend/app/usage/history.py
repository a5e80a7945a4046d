"""Spend over time: one value a day or hour, gaps filled with nothing spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ToolError
from .money import PICO_PER_USD
from .priced import price_rows
from .rows import Rows
from .scope import no_data, where

Unit = Literal["day", "hour"]
MAX_POINTS: Final = {"day": 400, "hour": 1_440}
"""How far back a history goes: the newest so many days or hours."""
STEP: Final = {"day": timedelta(days=1), "hour": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class History:
    """USD by day or hour, and when the first and the last row came."""

    unit: Unit
    starts: tuple[datetime, ...]
    usd: NDArray[np.float64]
    first: datetime
    last: datetime

    @property
    def days(self) -> float:
        """From the first row to the last."""
        return (self.last - self.first).total_seconds() / 86_400

    def label(self, index: int) -> str:
        """The day or hour, as people write it."""
        return self.starts[index].strftime("%Y-%m-%d" if self.unit == "day" else "%Y-%m-%dT%H:00Z")


def real_where(arguments: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The condition of ``scope.where``, narrowed to datasets that tell when their requests happened."""
    condition, parameters = where(arguments)
    real = "(SELECT dataset_id FROM datasets WHERE list_contains(capabilities, 'real_times'))"
    return f"{condition} AND dataset_id IN {real}", parameters


def span(rows: Rows, arguments: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """The times of the first and last row in scope that have real times. Raises ``ToolError``: ``NO_DATA``,
    ``NOT_ASSESSABLE`` if all times were assumed."""
    real = _first_and_last(rows, *real_where(arguments))
    if real is not None:
        return real
    if _first_and_last(rows, *where(arguments)) is None:
        raise no_data(arguments)
    raise ToolError(
        "NOT_ASSESSABLE",
        "The log does not say when its requests happened; its times are assumed.",
        hint="Import a log with real timestamps.",
        details={"missing": ["real_times"]},
    )


def _first_and_last(rows: Rows, condition: str, parameters: list[Any]) -> tuple[datetime, datetime] | None:
    found = rows.execute(f"SELECT min(ts), max(ts) FROM usage WHERE {condition}", parameters).fetchone()  # noqa: S608
    return (found[0], found[1]) if found is not None and found[0] is not None else None


def load_history(rows: Rows, arguments: Mapping[str, Any], unit: Unit) -> History:
    """Price the rows in scope and sum them by ``unit``. Raises ``ToolError``: see ``span``."""
    first, last = span(rows, arguments)
    price_rows(rows)
    condition, parameters = real_where(arguments)
    begin = max(_floor(first, unit), _floor(last, unit) - (MAX_POINTS[unit] - 1) * STEP[unit])
    found = dict(
        rows.execute(
            f"SELECT date_trunc('{unit}', ts)::TIMESTAMP, coalesce(sum(cost), 0) FROM priced "  # noqa: S608
            f"WHERE {condition} AND ts >= ? GROUP BY 1",
            [*parameters, begin],
        ).fetchall()
    )
    count = round((_floor(last, unit) - begin) / STEP[unit]) + 1
    starts = tuple(begin + index * STEP[unit] for index in range(count))
    return History(unit, starts, np.array([float(found.get(start, 0)) / PICO_PER_USD for start in starts]), first, last)


def _floor(moment: datetime, unit: Unit) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if unit == "hour" else hour.replace(hour=0)


def usd_of(value: float) -> str:
    """A float of USD as JSON money: six decimals are more than an estimate knows."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if round(value, 6) else "0"
