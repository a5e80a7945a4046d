"""The decomposition, held against the one in statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from netra_backend.app.usage.stl import decompose


def series(periods: int, period: int, seed: int) -> np.ndarray:
    print(f"seed {seed}")
    random = np.random.default_rng(seed)
    time = np.arange(periods * period + 3)
    values: np.ndarray = 50 + 0.3 * time + 10 * np.sin(2 * np.pi * time / period) + random.normal(0, 1, len(time))
    values[len(time) // 2] += 80
    return values


@pytest.mark.parametrize(("periods", "period", "seed"), [(2, 7, 1), (4, 7, 2), (13, 7, 3), (3, 24, 4), (3, 168, 5)])
def test_it_takes_a_series_apart_as_statsmodels_does(periods: int, period: int, seed: int) -> None:
    from statsmodels.tsa.seasonal import STL

    values = series(periods, period, seed)
    theirs = STL(values, period=period, robust=True).fit()
    ours = decompose(values, period)
    np.testing.assert_allclose(ours.trend, theirs.trend, atol=1e-6)
    np.testing.assert_allclose(ours.season, theirs.seasonal, atol=1e-6)


def test_the_parts_add_up_to_the_series() -> None:
    values = series(5, 7, 6)
    parts = decompose(values, 7)
    np.testing.assert_allclose(parts.trend + parts.season + parts.rest, values)


def test_a_single_jump_stays_out_of_trend_and_season() -> None:
    values = series(8, 7, 7)
    jump = len(values) // 2
    assert np.argmax(np.abs(decompose(values, 7).rest)) == jump
    assert decompose(values, 7).rest[jump] > 70


def test_a_flat_series_has_neither_season_nor_rest() -> None:
    parts = decompose(np.full(30, 4.0), 7)
    np.testing.assert_allclose(parts.trend, 4.0)
    np.testing.assert_allclose(parts.rest, 0.0, atol=1e-12)
