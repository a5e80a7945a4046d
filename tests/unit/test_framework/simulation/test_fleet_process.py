"""One process among several, as the simulation plays it."""

from __future__ import annotations

from test_framework.simulation.fleet_process import FleetProcess
from test_framework.simulation.schedule import Ask, Restart, Schedule
from test_framework.simulation.simulating import play


def test_what_one_process_commits_is_followed_by_the_others() -> None:
    asks = tuple(Ask(1.0 + n, n % 3, "known" if n else "new", 0, "enqueue", ("think", "say")) for n in range(8))
    world = play(Schedule(5, (3,), asks, processes=3))
    assert world.truth.broken == []
    tops = {thread.thread_id: thread.top for thread in world.store.threads.values()}
    assert tops
    for device in world.devices:
        assert {view.thread_id: view.top for view in device.views.values()} == tops


def test_a_dead_process_is_on_no_line_any_more() -> None:
    world = play(Schedule(6, (1,), (Restart(1.0, "kill", 0.5),), processes=2))
    dead = [process for process in world.processes if isinstance(process, FleetProcess)]
    assert len(dead) == 3
    assert all(process._member.cut_off for process in dead)
