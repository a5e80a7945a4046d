"""Two cores."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from netra_backend.app.usage.side_by_side import WORKERS, side_by_side, start_workers


def test_results_come_in_the_order_of_the_tasks() -> None:
    assert side_by_side(partial(int, text) for text in ("3", "1", "2")) == [3, 1, 2]


def test_two_tasks_are_under_way_at_once() -> None:
    both = threading.Barrier(2, timeout=30)
    assert sorted(side_by_side([both.wait, both.wait])) == [0, 1]


def test_a_fault_is_raised_when_all_have_ended() -> None:
    ended: list[int] = []

    def end(number: int) -> int:
        ended.append(1 // number)
        return number

    with pytest.raises(ZeroDivisionError):
        side_by_side([partial(end, 0), partial(end, 1)])
    assert ended == [1]


def test_started_workers_are_all_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    start_workers()

    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more)
    both = threading.Barrier(WORKERS, timeout=30)
    assert sorted(side_by_side([both.wait] * WORKERS)) == list(range(WORKERS))
