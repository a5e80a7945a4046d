"""A server of several processes in one simulation. What it shows: ``tests/simulation/test_fleet.py``."""

from __future__ import annotations

from test_framework.simulation.fleet_world import FleetWorld
from test_framework.simulation.schedule import Ask, Restart, Schedule, make_fleet_schedule, make_schedule
from test_framework.simulation.simulating import play, simulate


def test_a_fleets_schedule_is_that_of_its_seed_for_several_processes() -> None:
    for seed in range(4):
        schedule = make_fleet_schedule(seed)
        assert schedule.processes in (2, 3)
        assert schedule.actions == make_schedule(seed).actions


def test_the_same_seed_has_the_same_end() -> None:
    for seed in (3, 4):
        assert simulate(make_fleet_schedule(seed)) == simulate(make_fleet_schedule(seed))


def ask(at: float, *steps: str) -> Ask:
    return Ask(at, 0, "own", 1, "enqueue", steps)


def test_a_process_that_dies_is_replaced_and_its_runs_go_on() -> None:
    restarts = tuple(Restart(2.0 + 2 * n, "kill", 0.1) for n in range(3))
    world = play(Schedule(1, (1,), (ask(1.0, "gate", "charge", "model"), *restarts), processes=2))
    assert isinstance(world, FleetWorld)
    assert world.truth.broken == []
    assert len(world.processes) == 2 + 3
    assert world.store.unfinished() == []


def test_a_process_that_is_taken_for_dead_goes_on_and_wakes_again() -> None:
    restarts = tuple(Restart(1.5 + n / 10, "zombie", 0.1) for n in range(2))
    world = play(Schedule(2, (2,), (ask(1.0, "gate", "charge", "gate", "look"), *restarts), processes=2))
    assert world.truth.broken == []
    assert [process.outside.store for process in world.processes] == [world.store] * 2


def test_a_process_that_drains_hands_over() -> None:
    drains = tuple(Restart(2.0 + 3 * n, "drain", 0.1) for n in range(2))
    world = play(Schedule(3, (1,), (ask(1.0, "gate", "model", "model"), *drains), processes=3))
    assert world.truth.broken == []
    assert len(world.processes) == 5
