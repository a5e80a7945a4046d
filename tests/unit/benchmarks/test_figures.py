"""Figures: medians over rounds, ratios within a round."""

from __future__ import annotations

import pytest

from benchmarks.figures import Figure, figure, met


def test_a_figure_is_the_median_of_its_rounds_and_names_its_noise() -> None:
    assert figure([90.0, 100.0, 120.0]).median == 100.0
    assert figure([90.0, 100.0, 120.0]).noise == pytest.approx(0.3)
    assert figure([90.0, 100.0, 120.0]).shown() == "100 ±15%"


def test_a_ratio_is_taken_round_by_round_so_that_a_slow_machine_cancels_out() -> None:
    fast, slow = Figure((200.0, 100.0, 400.0)), Figure((100.0, 50.0, 200.0))
    assert fast.over(slow).rounds == (2.0, 2.0, 2.0)
    assert fast.over(slow).noise == 0.0


def test_rounds_of_different_number_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="zip"):
        Figure((1.0,)).over(Figure((1.0, 2.0)))


def test_no_rounds_are_no_figure() -> None:
    with pytest.raises(ValueError, match="at least one round"):
        figure([])


def test_a_goal_is_met_or_not() -> None:
    assert (met(True), met(False)) == ("yes", "no")
