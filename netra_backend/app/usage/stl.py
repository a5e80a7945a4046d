"""Seasonal-trend decomposition by LOESS, robust (Cleveland et al., 1990): what of a series is trend, season and neither.

Written out here because the one in statsmodels takes five seconds to import, which is more than a whole report may take. The
tests hold the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

SEASONAL_WINDOW: Final = 7
INNER_PASSES: Final = 2
OUTER_PASSES: Final = 15


@dataclass(frozen=True, slots=True)
class Decomposition:
    """``trend + season + rest`` is the series."""

    trend: Series
    season: Series
    rest: Series


def decompose(series: Series, period: int) -> Decomposition:
    """Take a series apart. It needs two full periods."""
    count = len(series)
    trend_window = _odd(int(np.ceil(1.5 * period / (1 - 1.5 / SEASONAL_WINDOW))))
    low_pass_window = _odd(period + 1)
    weights = np.ones(count)
    trend, season = np.zeros(count), np.zeros(count)
    for _ in range(OUTER_PASSES + 1):
        for _ in range(INNER_PASSES):
            cycles = _smooth_cycles(series - trend, weights, period)
            low = _moving_average(_moving_average(_moving_average(cycles, period), period), 3)
            low = _loess(low, np.ones(count), low_pass_window, np.arange(count, dtype=float))
            season = cycles[period : period + count] - low
            trend = _loess(series - season, weights, trend_window, np.arange(count, dtype=float))
        weights = _robustness(np.abs(series - trend - season))
    return Decomposition(trend, season, series - trend - season)


def _odd(number: int) -> int:
    return number + 1 - number % 2


def _smooth_cycles(series: Series, weights: Series, period: int) -> Series:
    """Each place in the period smoothed over the periods, and one period further at both ends."""
    smoothed = np.zeros(len(series) + 2 * period)
    for place in range(period):
        cycle, cycle_weights = series[place::period], weights[place::period]
        points = np.arange(-1, len(cycle) + 1, dtype=float)
        smoothed[place::period] = _loess(cycle, cycle_weights, SEASONAL_WINDOW, points)
    return smoothed


def _moving_average(series: Series, window: int) -> Series:
    return np.asarray(np.convolve(series, np.ones(window) / window, mode="valid"))


def _loess(series: Series, weights: Series, window: int, points: Series) -> Series:
    """A local line through the nearest ``window`` values, at each point; where all of them weigh nothing, the value there."""
    count = len(series)
    width = min(window, count)
    left = np.clip(points - width // 2, 0, count - width).astype(int)
    near = left[:, None] + np.arange(width)
    farthest = np.maximum(points - left, left + width - 1 - points)[:, None]
    reach = farthest + max(0, (window - count) // 2)
    distance = np.abs(near - points[:, None])
    share = np.divide(distance, reach, out=np.zeros_like(distance), where=reach > 0)
    local = np.where(share <= 0.001, 1.0, np.where(share <= 0.999, (1 - share**3) ** 3, 0.0)) * weights[near]
    total = local.sum(axis=1, keepdims=True)
    local = np.divide(local, total, out=np.zeros_like(local), where=total > 0)
    centre = (local * near).sum(axis=1, keepdims=True)
    spread = (local * (near - centre) ** 2).sum(axis=1, keepdims=True)
    sloped = np.sqrt(spread) > 0.001 * (count - 1)
    slope = np.divide(points[:, None] - centre, spread, out=np.zeros_like(spread), where=sloped)
    fitted = (local * (1 + slope * (near - centre)) * series[near]).sum(axis=1)
    return np.asarray(np.where(total[:, 0] > 0, fitted, series[np.clip(points, 0, count - 1).astype(int)]))


def _robustness(rest: Series) -> Series:
    """How much each value counts in the next pass: little where it fits badly."""
    reach = 6 * np.median(rest)
    share = np.divide(rest, reach, out=np.zeros_like(rest), where=reach > 0)
    return np.asarray(np.where(share <= 0.001, 1.0, np.where(share <= 0.999, (1 - share**2) ** 2, 0.0)))
