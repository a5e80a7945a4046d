"""The client rule."""

from __future__ import annotations

from netra_backend.app.core.events import Position
from netra_backend.client.positions import Positions, Verdict


def test_the_expected_event_is_taken_and_the_position_moves_on() -> None:
    positions = Positions()
    positions.follow("thread-1", "e1", 0)
    assert [positions.judge("thread-1", seq) for seq in (1, 2, 3)] == [Verdict.TAKE] * 3
    assert positions.all() == {"thread-1": Position("e1", 3)}


def test_an_event_that_came_already_is_a_repeat() -> None:
    positions = Positions()
    positions.follow("thread-1", "e1", 5)
    assert positions.judge("thread-1", 5) is Verdict.REPEAT
    assert positions.judge("thread-1", 1) is Verdict.REPEAT
    assert positions.judge("thread-1", 6) is Verdict.TAKE


def test_an_event_from_further_on_shows_a_hole_and_is_not_taken() -> None:
    positions = Positions()
    positions.follow("thread-1", "e1", 5)
    assert positions.judge("thread-1", 7) is Verdict.HOLE
    assert positions.all()["thread-1"].seq == 5


def test_a_heartbeat_tells_of_a_lost_tail_of_a_followed_thread_only() -> None:
    positions = Positions()
    positions.follow("thread-1", "e1", 5)
    assert positions.behind({"thread-1": 6})
    assert not positions.behind({"thread-1": 5, "thread-2": 9})


def test_threads_stand_apart() -> None:
    positions = Positions()
    positions.follow("thread-1", "e1", 0)
    assert positions.follows("thread-1")
    assert not positions.follows("thread-2")
