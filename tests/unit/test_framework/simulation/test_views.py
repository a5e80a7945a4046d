"""Views: the client rule; wire checks: what a connection promises."""

from __future__ import annotations

from test_framework.simulation.views import View, WireCheck


def test_the_next_is_taken_less_is_known_more_is_a_hole() -> None:
    view = View("thr_1")
    assert [view.take(1, b"1"), view.take(2, b"2"), view.take(1, b"1"), view.take(4, b"4")] == [
        "taken",
        "taken",
        "known",
        "hole",
    ]
    assert (view.top, view.frames, view.settled) == (2, [b"1", b"2"], 2)


def test_other_bytes_in_a_known_place_are_told() -> None:
    view = View("thr_1", first=5)
    view.take(5, b"5")
    assert view.take(5, b"x") == "other"
    assert view.take(4, b"4") == "known"


def test_what_comes_while_an_answer_is_out_is_provisional() -> None:
    view = View("thr_1", "e")
    view.take(1, b"1")
    view.asked = True
    view.take(2, b"2")
    view.unsettle()
    assert (view.frames, view.asked) == ([b"1"], False)
    view.asked = True
    view.take(2, b"2")
    view.settle()
    view.unsettle()
    assert view.frames == [b"1", b"2"]


def test_a_connection_may_begin_anywhere_and_then_only_go_on() -> None:
    check = WireCheck(set())
    assert [check.is_in_order("a", seq) for seq in (7, 8, 9)] == [True, True, True]
    assert check.is_in_order("b", 1)
    assert not check.is_in_order("a", 11)
    assert not check.is_in_order("a", 11)


def test_a_replay_may_begin_after_the_position_that_was_asked_for_until_it_is_answered() -> None:
    check = WireCheck(set())
    check.is_in_order("a", 9)
    check.resumed("a", 3)
    assert [check.is_in_order("a", seq) for seq in (10, 4, 5)] == [True, True, True]
    check.answered("a")
    assert not check.is_in_order("a", 4)


def test_a_step_over_lost_events_is_explained_by_them() -> None:
    check = WireCheck({("a", 2), ("a", 3), ("b", 2)})
    assert [check.is_in_order("a", seq) for seq in (1, 4)] == [True, True]
    check.is_in_order("b", 1)
    assert not check.is_in_order("b", 4)


def test_what_comes_after_live_is_the_next_one_whatever_was_told_before() -> None:
    check = WireCheck(set())
    check.resumed("a", 14)
    assert check.is_in_order("a", 13)  # on its way before the question, of a process that is behind
    check.answered("a", 14)
    assert [check.is_in_order("a", seq) for seq in (15, 17)] == [True, False]


def test_a_thread_that_is_not_there_may_begin_anywhere() -> None:
    check = WireCheck(set())
    check.resumed("a", 0)
    assert check.is_in_order("a", 12)
    check.forgotten("a")
    assert [check.is_in_order("a", seq) for seq in (14, 15, 1)] == [True, True, False]


def test_what_comes_behind_a_reset_begins_after_its_top_and_what_skips_that_is_out_of_order() -> None:
    check = WireCheck(set())
    check.resumed("a", 3)
    assert check.is_in_order("a", 8)
    check.answered("a", 10)
    assert check.is_in_order("a", 11)
    assert not check.is_in_order("a", 13)
