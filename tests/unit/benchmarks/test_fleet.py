"""The goals of two processes are judged on the figures, and a miss is said."""

from __future__ import annotations

from benchmarks.figures import figure
from benchmarks.fleet import judge


def verdicts(runs: float, half_ms: float, busy_ms: float) -> list[str]:
    return [row[-1] for row in judge(figure([runs]), [figure([half_ms]), figure([busy_ms])])]


def test_both_goals_can_be_met() -> None:
    assert verdicts(1500.0, 20.0, 100.0) == ["yes", "yes"]


def test_too_few_runs_miss_the_first() -> None:
    assert verdicts(1499.0, 20.0, 30.0) == ["no", "yes"]


def test_being_late_beside_either_load_misses_the_second() -> None:
    assert verdicts(1500.0, 100.1, 30.0) == ["yes", "no"]
    assert verdicts(1500.0, 20.0, 100.1) == ["yes", "no"]
