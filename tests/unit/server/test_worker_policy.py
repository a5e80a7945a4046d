"""The policy as scripts: what happens goes in, what is to be done comes out."""

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


def policy_of_two() -> WorkerPoolPolicy:
    """Two processes, 11 and 12, ready since moment 0."""
    policy = WorkerPoolPolicy(2)
    assert policy.begin() == [Start(1), Start(2)]
    assert policy.started(1, 11) == policy.started(2, 12) == []
    assert policy.ready(11, 0.0) == []
    assert policy.ready(12, 0.0) == [Announce()]
    return policy


def test_that_all_are_ready_is_said_once() -> None:
    policy = policy_of_two()
    assert policy.ready(12, 1.0) == []
    assert policy.ended(11, False, STEADY_S) == [Start(1)]
    policy.started(1, 13)
    assert policy.ready(13, STEADY_S) == []


def test_before_all_were_ready_one_that_ends_takes_the_server_with_it_as_a_failure() -> None:
    policy = WorkerPoolPolicy(2)
    policy.begin()
    policy.started(1, 11)
    policy.started(2, 12)
    policy.ready(11, 0.0)
    assert policy.ended(12, False, 1.0) == [End(11)]
    assert policy.ended(11, True, 2.0) == [Leave(1)]


def test_one_that_was_steady_is_replaced_at_once_whatever_it_ended_with() -> None:
    policy = policy_of_two()
    assert policy.ended(12, True, STEADY_S) == [Start(2)]
    policy.started(2, 13)
    policy.ready(13, STEADY_S)
    assert policy.ended(13, False, 2 * STEADY_S) == [Start(2)]
    assert policy.due is None


def test_one_that_does_not_hold_is_replaced_after_pauses_that_double_up_to_a_bound() -> None:
    policy, now, pauses = policy_of_two(), 1.0, []
    assert policy.ended(12, False, now) == [Start(2)]
    for pid in range(20, 28):
        policy.started(2, pid)
        assert policy.ended(pid, False, now) == []
        due = policy.due
        assert due is not None
        pauses.append(due - now)
        assert policy.tick(due - 0.1) == []
        now = due
        assert policy.tick(now) == [Start(2)]
        assert policy.due is None
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-2:] == [LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_one_that_held_starts_with_short_pauses_again() -> None:
    policy = policy_of_two()
    policy.ended(12, False, 1.0)
    policy.started(2, 13)
    policy.ended(13, False, 1.0)
    policy.tick(1.0 + FIRST_PAUSE_S)
    policy.started(2, 14)
    policy.ready(14, 2.0)
    assert policy.ended(14, False, 2.0 + STEADY_S) == [Start(2)]


def test_when_it_stops_all_are_asked_to_end_once_and_none_is_replaced() -> None:
    policy = policy_of_two()
    assert policy.stop(5.0) == [End(11), End(12)]
    assert policy.stop(5.1) == []
    assert policy.ended(11, True, 6.0) == []
    assert policy.pids == [12]
    assert policy.ended(12, True, 7.0) == [Leave(0)]


def test_what_ended_badly_while_it_stopped_is_told_by_the_code() -> None:
    policy = policy_of_two()
    policy.stop(5.0)
    policy.ended(11, False, 6.0)
    assert policy.ended(12, True, 7.0) == [Leave(1)]


def test_one_that_waits_for_its_time_is_not_started_any_more_when_it_stops() -> None:
    policy = policy_of_two()
    policy.ended(12, False, 1.0)
    policy.started(2, 13)
    policy.ended(13, False, 1.0)
    assert policy.stop(1.1) == [End(11)]
    assert policy.tick(1.0 + FIRST_PAUSE_S) == []
    assert policy.ended(11, True, 1.2) == [Leave(0)]


def test_one_that_was_being_started_when_it_stopped_is_asked_to_end_too() -> None:
    policy = policy_of_two()
    assert policy.ended(12, False, 1.0) == [Start(2)]
    assert policy.stop(1.0) == [End(11)]
    assert policy.started(2, 13) == [End(13)]


def test_those_that_do_not_end_in_time_are_killed_once() -> None:
    policy = policy_of_two()
    policy.stop(5.0)
    policy.ended(11, True, 6.0)
    assert policy.due == 5.0 + LAST_WAIT_S
    assert policy.tick(5.0 + LAST_WAIT_S) == [Kill(12)]
    assert policy.tick(6.0 + LAST_WAIT_S) == []
    assert policy.ended(12, False, 6.0 + LAST_WAIT_S) == [Leave(1)]


def test_a_pool_that_stops_where_nobody_is_left_leaves_at_once() -> None:
    assert WorkerPoolPolicy(2).stop(0.0) == [Leave(0)]


def policy_in_development() -> WorkerPoolPolicy:
    """One process, 11, ready since moment 0; it is replaced when its code changes."""
    policy = WorkerPoolPolicy(1, waits_for_code=True)
    assert policy.begin() == [Start(1)]
    policy.started(1, 11)
    assert policy.ready(11, 0.0) == [Announce()]
    return policy


def test_when_the_code_changes_each_process_is_asked_to_end_once_and_another_starts_in_its_place() -> None:
    policy = policy_in_development()
    assert policy.renew(1.0) == [End(11)]
    assert policy.renew(1.1) == []
    assert policy.ended(11, True, 2.0) == [Start(1)]
    policy.started(1, 12)
    assert policy.ready(12, 3.0) == []
    assert policy.due is None


def test_several_are_renewed_too() -> None:
    policy = policy_of_two()
    assert policy.renew(1.0) == [End(11), End(12)]
    assert policy.ended(12, True, 2.0) == [Start(2)]


def test_code_that_changes_before_all_were_ready_ends_nothing_but_the_process() -> None:
    policy = WorkerPoolPolicy(1, waits_for_code=True)
    policy.begin()
    policy.started(1, 11)
    assert policy.renew(1.0) == [End(11)]
    assert policy.ended(11, False, 2.0) == [Start(1)]
    policy.started(1, 12)
    assert policy.ready(12, 3.0) == [Announce()]


def test_in_development_one_that_ends_of_itself_waits_for_its_code_to_change() -> None:
    policy = policy_in_development()
    assert policy.ended(11, False, STEADY_S) == []
    assert (policy.pids, policy.due, policy.tick(10 * STEADY_S)) == ([], None, [])
    assert policy.renew(11 * STEADY_S) == [Start(1)]
    policy.started(1, 12)
    assert policy.pids == [12]


def test_one_that_does_not_end_for_new_code_is_killed_in_time_and_replaced() -> None:
    policy = policy_in_development()
    policy.renew(1.0)
    assert policy.due == 1.0 + LAST_WAIT_S
    assert policy.tick(0.9 + LAST_WAIT_S) == []
    assert policy.tick(1.0 + LAST_WAIT_S) == [Kill(11)]
    assert policy.tick(2.0 + LAST_WAIT_S) == []
    assert policy.ended(11, False, 2.0 + LAST_WAIT_S) == [Start(1)]
    assert policy.due is None


def test_one_that_waits_for_its_time_starts_with_new_code_at_once() -> None:
    policy = policy_of_two()
    policy.ended(12, False, 1.0)
    policy.started(2, 13)
    policy.ended(13, False, 1.0)
    assert policy.renew(1.1) == [End(11), Start(2)]
    assert policy.tick(1.0 + FIRST_PAUSE_S) == []


def test_a_pool_that_stops_starts_nothing_for_new_code() -> None:
    policy = policy_in_development()
    assert policy.renew(1.0) == [End(11)]
    assert policy.stop(1.1) == [End(11)]
    assert policy.renew(1.2) == []
    assert policy.ended(11, True, 2.0) == [Leave(0)]
