"""Schedules: made by seeds, always the same, and of every kind."""

from __future__ import annotations

from test_framework.simulation import schedule as act
from test_framework.simulation.schedule import Action, make_schedule


def kinds_below(kind: type[Action]) -> set[str]:
    return {kind.__name__}.union(*(kinds_below(below) for below in kind.__subclasses__()))


def test_a_seed_always_makes_the_same_schedule_and_another_one_another() -> None:
    assert make_schedule(5) == make_schedule(5)
    assert make_schedule(5).actions != make_schedule(6).actions


def test_every_kind_of_action_happens_in_time_and_to_a_device_that_exists() -> None:
    made = [make_schedule(seed) for seed in range(200)]
    kinds = {type(action).__name__ for schedule in made for action in schedule.actions}
    assert kinds == kinds_below(Action) - {"Action", "OfDevice"}
    for schedule in made:
        times = [action.at for action in schedule.actions]
        assert times == sorted(times)
        assert times[-1] <= act.ENDS_AT
        of_devices = [action.device for action in schedule.actions if isinstance(action, act.OfDevice)]
        assert max(of_devices, default=0) < sum(schedule.devices)


def test_every_way_to_end_and_to_ask_happens() -> None:
    actions = [action for seed in range(200) for action in make_schedule(seed).actions]
    restarts = [action for action in actions if isinstance(action, act.Restart)]
    assert {restart.how for restart in restarts} == {"kill", "drain", "zombie"}
    assert {restart.restore for restart in restarts} == {restart.cut for restart in restarts} == {True, False}
    asks = [action for action in actions if isinstance(action, act.Ask)]
    assert {ask.thread for ask in asks} == {"new", "own", "shared", "known", "foreign"}
    assert {ask.policy for ask in asks} == {"enqueue", "reject", "interrupt"}
