"""Which runs held up this process for so long that it may have lost its lease."""

from __future__ import annotations

from netra_backend.app.runs.frozen_runs import FrozenRuns


def test_a_short_block_is_no_freeze() -> None:
    frozen = FrozenRuns(20.0)
    frozen.note(19.9, "run_1")
    assert ("run_1" in frozen, frozen.answered()) == (False, False)


def test_a_freeze_is_answered_once_and_its_run_remembered() -> None:
    frozen = FrozenRuns(20.0)
    frozen.note(20.0, "run_1")
    frozen.note(40.0, "")
    assert (frozen.answered(), frozen.answered(), "run_1" in frozen, "" in frozen) == (True, False, True, False)


def test_the_newest_thousand_are_remembered() -> None:
    frozen = FrozenRuns(20.0)
    for number in range(1_001):
        frozen.note(20.0, f"run_{number}")
    assert ("run_0" in frozen, "run_1" in frozen, "run_1000" in frozen) == (False, True, True)
