"""``forecast_spend``: what the month will have cost at its end."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np

from ..core.errors import ToolError
from .history import History, load_history, usd_of
from .rows import Rows
from .stl import decompose

MIN_DAYS: Final = 14
WEEK: Final = 7
Z_80: Final = 1.2816
"""Four of five months should end between low and high."""
LEVEL_DAYS: Final = 14
"""How many days' worth of evidence the present level has."""
FULL_DAY_HOUR: Final = 23
"""A day whose last row came before this hour is not over."""


def forecast_spend(rows: Rows, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Low, base and high of the month in which the log ends, and how that stands to ``budget_usd``.

    Each day that is left costs the present trend plus its weekday's share. Raises ``ToolError``: ``NO_DATA``,
    ``NOT_ASSESSABLE``, ``INSUFFICIENT_HISTORY`` under 14 days with usage.
    """
    history = load_history(rows, arguments, "day")
    whole = len(history.usd) if history.last.hour >= FULL_DAY_HOUR else len(history.usd) - 1
    used = int(np.count_nonzero(history.usd[:whole]))
    if used < MIN_DAYS:
        raise ToolError(
            "INSUFFICIENT_HISTORY",
            f"{used} whole days with usage are too few for a forecast; it takes {MIN_DAYS}.",
            hint="Import at least two weeks of usage.",
            details={"days": used, "needed": MIN_DAYS},
        )
    parts = decompose(history.usd[:whole], WEEK)
    level = float(np.mean(parts.trend[-WEEK:]))
    month_end = calendar.monthrange(history.last.year, history.last.month)[1]
    so_far = _month_so_far(history)
    today = len(history.usd) - 1
    days_left = range(whole, today + month_end - history.last.day + 1)
    left = 0.0
    for day in days_left:
        weekday = day - WEEK * ((day - whole) // WEEK + 1)
        expected = max(level + float(parts.season[weekday]), 0.0)
        left += max(expected - float(history.usd[today]), 0.0) if day == today else expected
    noise = 1.4826 * float(np.median(np.abs(parts.rest - np.median(parts.rest))))
    margin = Z_80 * noise * float(np.sqrt(len(days_left) + len(days_left) ** 2 / LEVEL_DAYS))
    base = so_far + left
    answer: dict[str, Any] = {
        "month": history.last.strftime("%Y-%m"),
        "as_of": f"{history.last.isoformat(timespec='seconds')}Z",
        "days_left": len(days_left),
        "history_days": whole,
        "method": "current trend and weekday pattern (STL); low and high cover four out of five cases",
        "so_far_usd": usd_of(so_far),
        "low_usd": usd_of(max(base - margin, so_far)),
        "base_usd": usd_of(base),
        "high_usd": usd_of(base + margin),
    }
    if budget := arguments.get("budget_usd"):
        answer["budget"] = _against(float(budget), base, max(base - margin, so_far), base + margin)
    return answer


def _month_so_far(history: History) -> float:
    first = datetime(history.last.year, history.last.month, 1)
    return float(sum(usd for start, usd in zip(history.starts, history.usd, strict=True) if start >= first))


def _against(budget: float, base: float, low: float, high: float) -> dict[str, Any]:
    if low > budget:
        verdict = "will be exceeded"
    elif base > budget:
        verdict = "is likely to be exceeded"
    elif high > budget:
        verdict = "is likely to hold, but may be exceeded"
    else:
        verdict = "will hold"
    return {"usd": usd_of(budget), "verdict": verdict, "left_in_base_usd": usd_of(budget - base)}
