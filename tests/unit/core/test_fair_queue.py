"""A queue in groups."""

from __future__ import annotations

from netra_backend.app.core.fair_queue import FairQueue


def taken(queue: FairQueue[str, int]) -> list[int]:
    return [queue.take() for _ in range(len(queue))]


def test_groups_are_served_in_turn_and_within_one_who_came_first() -> None:
    queue = FairQueue[str, int]()
    for group, item in (("a", 1), ("a", 2), ("a", 3), ("b", 4), ("b", 5), ("c", 6)):
        queue.put(group, item)
    assert taken(queue) == [1, 4, 6, 2, 5, 3]
    assert len(queue) == 0


def test_who_comes_to_a_group_that_was_served_waits_for_the_others() -> None:
    queue = FairQueue[str, int]()
    for group, item in (("a", 1), ("a", 2), ("b", 3)):
        queue.put(group, item)
    assert queue.take() == 1
    queue.put("a", 4)
    assert taken(queue) == [3, 2, 4]


def test_what_is_dropped_is_not_served_and_its_group_takes_no_memory() -> None:
    queue = FairQueue[str, int]()
    queue.put("a", 1)
    queue.put("b", 2)
    queue.drop("a", 1)
    assert taken(queue) == [2]
    assert len(queue) == 0
