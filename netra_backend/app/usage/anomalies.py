"""``detect_anomalies``: days or hours on which the spend jumped or dropped, and what made it.

A value is an anomaly where it differs from what trend and season (or, with little history, the median around it) led to expect
by a robust z of more than 3.5, and by more than a floor in dollars, and by at least a fifth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ToolError
from .excess import explain
from .history import History, Unit, load_history, span, usd_of
from .rows import Rows
from .stl import decompose

Z_LIMIT: Final = 3.5
SMALLEST_PART: Final = 0.20
DEFAULT_FLOOR_USD: Final = 1.0
MIN_POINTS: Final = 12
PERIOD: Final[Mapping[str, int]] = {"day": 7, "hour": 168}
ROLLING: Final[Mapping[str, int]] = {"day": 7, "hour": 24}
MAX_ANOMALIES: Final = 20
DAILY_FROM_DAYS: Final = 14
"""A shorter history is looked at by the hour."""


def detect_anomalies(rows: Rows, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The largest anomalies in scope, newest first. Raises ``ToolError``: ``NO_DATA``, ``NOT_ASSESSABLE``,
    ``INSUFFICIENT_HISTORY``."""
    first, last = span(rows, arguments)
    unit: Unit = arguments.get("unit") or ("day" if (last - first).days >= DAILY_FROM_DAYS else "hour")
    history = load_history(rows, arguments, unit)
    if len(history.usd) < MIN_POINTS:
        raise ToolError(
            "INSUFFICIENT_HISTORY",
            f"{len(history.usd)} {unit}s are too few to find out what is usual; it takes {MIN_POINTS}.",
            hint="Import a longer log, or ask for a longer period.",
            details={"points": len(history.usd), "needed": MIN_POINTS},
        )
    seasonal = len(history.usd) >= 2 * PERIOD[unit]
    expected = _expected(history.usd, PERIOD[unit]) if seasonal else _rolling_median(history.usd, ROLLING[unit])
    floor = float(arguments.get("floor_usd", DEFAULT_FLOOR_USD))
    z = _robust_z(history.usd - expected, history.usd)
    off = np.abs(history.usd - expected)
    largest = sorted(_anomalous(history, expected, z, floor), key=lambda index: -off[index])[:MAX_ANOMALIES]
    found = sorted(largest, reverse=True)
    return {
        "unit": unit,
        "points": len(history.usd),
        "method": f"STL, period {PERIOD[unit]}, MAD" if seasonal else f"rolling median of {ROLLING[unit]}, MAD",
        "z_limit": Z_LIMIT,
        "floor_usd": usd_of(floor),
        "smallest_percent": round(100 * SMALLEST_PART),
        "anomalies": [_described(rows, arguments, history, expected, z, index, set(found)) for index in found],
        "series": [
            {
                "at": history.label(index),
                "usd": usd_of(history.usd[index]),
                "expected_usd": usd_of(max(expected[index], 0.0)),
            }
            for index in range(len(history.usd))
        ],
    }


def _expected(values: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    parts = decompose(values, period)
    return np.asarray(parts.trend + parts.season)


def _rolling_median(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The median of the values around each, itself left out."""
    half = window // 2
    around = [
        np.r_[values[max(0, index - half) : index], values[index + 1 : index + half + 1]]
        for index in range(len(values))
    ]
    return np.array([np.median(near) for near in around])


def _robust_z(rest: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many robust standard deviations each residual is off. A series without noise is given a hundredth of its median, so
    that a cent is no anomaly."""
    centred = rest - np.median(rest)
    scale = max(1.4826 * float(np.median(np.abs(centred))), 0.01 * float(np.median(np.abs(values))), 1e-9)
    return np.asarray(centred / scale)


def _anomalous(history: History, expected: NDArray[np.float64], z: NDArray[np.float64], floor: float) -> list[int]:
    off = history.usd - expected
    large = (np.abs(z) > Z_LIMIT) & (np.abs(off) > floor) & (np.abs(off) >= SMALLEST_PART * np.abs(expected))
    # The first and the last day or hour are cut off by the log, so a drop there is none.
    large[[0, -1]] &= off[[0, -1]] > 0
    return [int(index) for index in np.flatnonzero(large)]


def _described(
    rows: Rows,
    arguments: Mapping[str, Any],
    history: History,
    expected: NDArray[np.float64],
    z: NDArray[np.float64],
    index: int,
    anomalies: set[int],
) -> dict[str, Any]:
    value, usual = float(history.usd[index]), max(float(expected[index]), 0.0)
    calm = [other for other in range(max(0, index - PERIOD[history.unit]), index) if other not in anomalies]
    return {
        "at": history.label(index),
        "direction": "jump" if value > usual else "drop",
        "usd": usd_of(value),
        "expected_usd": usd_of(usual),
        "excess_usd": usd_of(value - usual),
        "percent": round(100 * (value - usual) / usual, 1) if usual else None,
        "z": round(float(z[index]), 1),
        **explain(
            rows, arguments, history, index, calm or [other for other in range(len(history.usd)) if other != index]
        ),
    }
