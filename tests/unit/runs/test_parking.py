"""Parked runs: bounded, due in their order, and each in its thread."""

from __future__ import annotations

from dataclasses import replace

from netra_backend.app.core.history import RunRecord, ThreadHead
from netra_backend.app.core.limits import USUAL
from netra_backend.app.runs.parking import ParkedRuns


def run(name: str, head: ThreadHead | None = None) -> RunRecord:
    head = head or ThreadHead("user_ada", f"thr_{name}", "e", 1, fence=1)
    return RunRecord(head, name, "req", "a", None, "UTC", 1)


def names(found: list) -> list[str]:  # type: ignore[type-arg]
    return [each.run.run_id for each in found]


def test_those_whose_time_has_come_are_due_the_earliest_first_and_each_once() -> None:
    parked = ParkedRuns(USUAL)
    for name, wake_ms in (("late", 9), ("early", 1), ("middle", 5)):
        parked.add("user_ada", run(name), wake_ms)
    assert names(parked.due(0, 9)) == []
    assert names(parked.due(6, 1)) == ["early"]
    found = parked.due(6, 9)
    assert names(found) == ["middle"]
    assert parked.due(6, 9) == []
    parked.put_off(found[0], 7)
    assert names(parked.due(8, 9)) == ["middle"]
    parked.remove("late")
    parked.remove("late")
    assert parked.due(99, 9) == []
    assert len(parked) == 2  # what is due is parked until somebody goes on with it


def test_one_that_was_removed_meanwhile_is_not_put_off() -> None:
    parked = ParkedRuns(USUAL)
    parked.add("user_ada", run("one"), 1)
    (found,) = parked.due(1, 9)
    parked.remove("one")
    parked.put_off(found, 2)
    assert parked.due(99, 9) == []


def test_a_parked_run_keeps_its_thread_in_memory() -> None:
    parked, one, head = ParkedRuns(USUAL), run("one"), ThreadHead("user_bob", "thr", "e", 1, fence=1)
    parked.add("user_ada", one, 1)
    parked.add("user_bob", run("two", head), 1)
    parked.add("user_bob", run("three", head), 2)
    assert (one.head.pins, head.pins) == (1, 2)
    assert names(parked.of_thread(head)) == ["two", "three"]
    assert names(parked.of_user("user_ada")) == ["one"]
    parked.drop_thread(head)
    assert (head.pins, parked.of_thread(head), parked.of_user("user_bob")) == (0, [], [])
    assert parked.clear() == [one.head]
    assert (one.head.pins, len(parked)) == (0, 0)


def test_there_are_no_more_than_the_bounds_of_a_user_and_of_the_process() -> None:
    parked = ParkedRuns(replace(USUAL, parked_runs=2, process_parked_runs=3))
    for name in ("one", "two"):
        assert parked.has_room("user_ada")
        parked.add("user_ada", run(name), 1)
    assert not parked.has_room("user_ada")
    assert parked.has_room("user_bob")
    parked.add("user_bob", run("three"), 1)
    assert not parked.has_room("user_bob")
    parked.remove("one")
    assert parked.has_room("user_ada")


def test_what_left_before_its_time_takes_no_room_for_long() -> None:
    parked = ParkedRuns(USUAL)
    for n in range(1000):
        parked.add("user_ada", run(f"r{n}"), n)
        parked.remove(f"r{n}")
    parked.add("user_ada", run("last"), 5)
    assert len(parked._next) < 20
    assert names(parked.due(9, 9)) == ["last"]
