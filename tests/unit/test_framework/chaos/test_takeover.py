"""What is measured of takeovers: from the kill to the next event, and from letting go to the next hold."""

from __future__ import annotations

from typing import Any

import pytest

from test_framework.chaos import takeover
from test_framework.chaos.takeover import Measured


class FakeReader:
    """Shows one row after the other."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self._rows = list(rows)

    async def fetchrow(self, *_: object) -> dict[str, Any]:
        return self._rows.pop(0)


class Ticking:
    """A clock that is one second further each time it is read."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        self._now += 1.0
        return self._now


@pytest.fixture(autouse=True)
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover, "time", Ticking())


async def watched(*rows: tuple[str | None, int]) -> Measured:
    measured = Measured()
    bench = takeover._Bench(None, None, None, measured)  # type: ignore[arg-type]  # not needed to watch
    await bench._watch_closely(FakeReader(*({"holder": holder, "fence": fence} for holder, fence in rows)), "thr_1")
    return measured


async def test_a_hand_over_lasts_from_letting_go_until_another_holds_the_thread() -> None:
    # One second for each reading of the clock: one when a look ends, one to see whether it has lasted too long.
    measured = await watched(("prc_a", 1), ("prc_a", 1), (None, 1), (None, 1), ("prc_b", 2))
    assert (measured.handed_over, measured.broken) == ([4.0], [])


async def test_a_hand_over_that_went_unseen_lasted_at_most_since_the_last_look() -> None:
    assert (await watched(("prc_a", 1), ("prc_a", 1), ("prc_b", 2))).handed_over == [2.0]


async def test_a_run_that_is_not_taken_over_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover, "_PATIENCE_S", 6.0)
    measured = await watched(*[("prc_a", 1)] * 9)
    assert (measured.handed_over, measured.broken) == ([], ["lost: the run of a drained process was not taken over"])


def test_a_client_waits_from_the_kill_to_its_next_event() -> None:
    run = takeover._Run(None)  # type: ignore[arg-type]  # not asked
    run.seen = [(1.0, None), (5.0, None), (6.0, None)]  # type: ignore[list-item]  # only the moments count
    assert [run.after(killed) for killed in (0.5, 1.0, 5.5, 6.0)] == [0.5, 4.0, 0.5, float("inf")]


def test_what_was_measured_is_called_by_name() -> None:
    measured = Measured([1.0], [2.0], [3.0])
    assert [(name.split()[0], seconds) for name, seconds in measured.rows()] == [
        ("kill", [1.0]),
        ("kill", [2.0]),
        ("let", [3.0]),
    ]
