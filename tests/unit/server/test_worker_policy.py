"""The crew as scripts: what happens goes in, what is to be done comes out."""

from __future__ import annotations

from netra_backend.app.server.worker_policy import (
    FIRST_PAUSE_S,
    LAST_WAIT_S,
    LONGEST_PAUSE_S,
    STEADY_S,
    Announce,
    End,
    Kill,
    Leave,
    Start,
    WorkerPoolPolicy,
)


def crew_of_two() -> WorkerPoolPolicy:
    """Two processes, 11 and 12, ready since moment 0."""
    crew = WorkerPoolPolicy(2)
    assert crew.begin() == [Start(1), Start(2)]
    assert crew.started(1, 11) == crew.started(2, 12) == []
    assert crew.ready(11, 0.0) == []
    assert crew.ready(12, 0.0) == [Announce()]
    return crew


def test_that_all_are_ready_is_said_once() -> None:
    crew = crew_of_two()
    assert crew.ready(12, 1.0) == []
    assert crew.ended(11, False, STEADY_S) == [Start(1)]
    crew.started(1, 13)
    assert crew.ready(13, STEADY_S) == []


def test_before_all_were_ready_one_that_ends_takes_the_server_with_it_as_a_failure() -> None:
    crew = WorkerPoolPolicy(2)
    crew.begin()
    crew.started(1, 11)
    crew.started(2, 12)
    crew.ready(11, 0.0)
    assert crew.ended(12, False, 1.0) == [End(11)]
    assert crew.ended(11, True, 2.0) == [Leave(1)]


def test_one_that_was_steady_is_replaced_at_once_whatever_it_ended_with() -> None:
    crew = crew_of_two()
    assert crew.ended(12, True, STEADY_S) == [Start(2)]
    crew.started(2, 13)
    crew.ready(13, STEADY_S)
    assert crew.ended(13, False, 2 * STEADY_S) == [Start(2)]
    assert crew.due is None


def test_one_that_does_not_hold_is_replaced_after_pauses_that_double_up_to_a_bound() -> None:
    crew, now, pauses = crew_of_two(), 1.0, []
    assert crew.ended(12, False, now) == [Start(2)]
    for pid in range(20, 28):
        crew.started(2, pid)
        assert crew.ended(pid, False, now) == []
        due = crew.due
        assert due is not None
        pauses.append(due - now)
        assert crew.tick(due - 0.1) == []
        now = due
        assert crew.tick(now) == [Start(2)]
        assert crew.due is None
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-2:] == [LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_one_that_held_starts_with_short_pauses_again() -> None:
    crew = crew_of_two()
    crew.ended(12, False, 1.0)
    crew.started(2, 13)
    crew.ended(13, False, 1.0)
    crew.tick(1.0 + FIRST_PAUSE_S)
    crew.started(2, 14)
    crew.ready(14, 2.0)
    assert crew.ended(14, False, 2.0 + STEADY_S) == [Start(2)]


def test_when_it_stops_all_are_asked_to_end_once_and_none_is_replaced() -> None:
    crew = crew_of_two()
    assert crew.stop(5.0) == [End(11), End(12)]
    assert crew.stop(5.1) == []
    assert crew.ended(11, True, 6.0) == []
    assert crew.pids == [12]
    assert crew.ended(12, True, 7.0) == [Leave(0)]


def test_what_ended_badly_while_it_stopped_is_told_by_the_code() -> None:
    crew = crew_of_two()
    crew.stop(5.0)
    crew.ended(11, False, 6.0)
    assert crew.ended(12, True, 7.0) == [Leave(1)]


def test_one_that_waits_for_its_time_is_not_started_any_more_when_it_stops() -> None:
    crew = crew_of_two()
    crew.ended(12, False, 1.0)
    crew.started(2, 13)
    crew.ended(13, False, 1.0)
    assert crew.stop(1.1) == [End(11)]
    assert crew.tick(1.0 + FIRST_PAUSE_S) == []
    assert crew.ended(11, True, 1.2) == [Leave(0)]


def test_one_that_was_being_started_when_it_stopped_is_asked_to_end_too() -> None:
    crew = crew_of_two()
    assert crew.ended(12, False, 1.0) == [Start(2)]
    assert crew.stop(1.0) == [End(11)]
    assert crew.started(2, 13) == [End(13)]


def test_those_that_do_not_end_in_time_are_killed_once() -> None:
    crew = crew_of_two()
    crew.stop(5.0)
    crew.ended(11, True, 6.0)
    assert crew.due == 5.0 + LAST_WAIT_S
    assert crew.tick(5.0 + LAST_WAIT_S) == [Kill(12)]
    assert crew.tick(6.0 + LAST_WAIT_S) == []
    assert crew.ended(12, False, 6.0 + LAST_WAIT_S) == [Leave(1)]


def test_a_crew_that_stops_where_nobody_is_left_leaves_at_once() -> None:
    assert WorkerPoolPolicy(2).stop(0.0) == [Leave(0)]


def crew_in_development() -> WorkerPoolPolicy:
    """One process, 11, ready since moment 0; it is replaced when its code changes."""
    crew = WorkerPoolPolicy(1, waits_for_code=True)
    assert crew.begin() == [Start(1)]
    crew.started(1, 11)
    assert crew.ready(11, 0.0) == [Announce()]
    return crew


def test_when_the_code_changes_each_process_is_asked_to_end_once_and_another_starts_in_its_place() -> None:
    crew = crew_in_development()
    assert crew.renew(1.0) == [End(11)]
    assert crew.renew(1.1) == []
    assert crew.ended(11, True, 2.0) == [Start(1)]
    crew.started(1, 12)
    assert crew.ready(12, 3.0) == []
    assert crew.due is None


def test_several_are_renewed_too() -> None:
    crew = crew_of_two()
    assert crew.renew(1.0) == [End(11), End(12)]
    assert crew.ended(12, True, 2.0) == [Start(2)]


def test_code_that_changes_before_all_were_ready_ends_nothing_but_the_process() -> None:
    crew = WorkerPoolPolicy(1, waits_for_code=True)
    crew.begin()
    crew.started(1, 11)
    assert crew.renew(1.0) == [End(11)]
    assert crew.ended(11, False, 2.0) == [Start(1)]
    crew.started(1, 12)
    assert crew.ready(12, 3.0) == [Announce()]


def test_in_development_one_that_ends_of_itself_waits_for_its_code_to_change() -> None:
    crew = crew_in_development()
    assert crew.ended(11, False, STEADY_S) == []
    assert (crew.pids, crew.due, crew.tick(10 * STEADY_S)) == ([], None, [])
    assert crew.renew(11 * STEADY_S) == [Start(1)]
    crew.started(1, 12)
    assert crew.pids == [12]


def test_one_that_does_not_end_for_new_code_is_killed_in_time_and_replaced() -> None:
    crew = crew_in_development()
    crew.renew(1.0)
    assert crew.due == 1.0 + LAST_WAIT_S
    assert crew.tick(0.9 + LAST_WAIT_S) == []
    assert crew.tick(1.0 + LAST_WAIT_S) == [Kill(11)]
    assert crew.tick(2.0 + LAST_WAIT_S) == []
    assert crew.ended(11, False, 2.0 + LAST_WAIT_S) == [Start(1)]
    assert crew.due is None


def test_one_that_waits_for_its_time_starts_with_new_code_at_once() -> None:
    crew = crew_of_two()
    crew.ended(12, False, 1.0)
    crew.started(2, 13)
    crew.ended(13, False, 1.0)
    assert crew.renew(1.1) == [End(11), Start(2)]
    assert crew.tick(1.0 + FIRST_PAUSE_S) == []


def test_a_crew_that_stops_starts_nothing_for_new_code() -> None:
    crew = crew_in_development()
    assert crew.renew(1.0) == [End(11)]
    assert crew.stop(1.1) == [End(11)]
    assert crew.renew(1.2) == []
    assert crew.ended(11, True, 2.0) == [Leave(0)]
