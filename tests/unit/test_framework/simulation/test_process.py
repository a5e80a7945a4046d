"""A server process of the simulation: what it is made of dies with it, and not before."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from test_framework.simulation.process import OwnTasks, Weather
from test_framework.simulation.schedule import Ask, Restart, Schedule
from test_framework.simulation.simulating import play

STEPS = ("think", "charge", "look", "charge")


async def test_the_tasks_of_a_process_end_with_it_and_later_ones_never_begin() -> None:
    steps: list[str] = []

    async def work(name: str) -> None:
        steps.append(name)
        await asyncio.get_running_loop().create_future()

    own = OwnTasks(asyncio.get_running_loop())
    first = own.create_task(work("first"))
    await asyncio.sleep(0)
    own.die()
    second = own.create_task(work("second"))
    await asyncio.wait([first, second])
    assert (steps, first.cancelled(), second.cancelled()) == (["first"], True, True)


def test_bad_weather_fails_as_many_commits_as_it_should_and_calm_ends_it() -> None:
    weather = Weather(Random(1), slowest_commit=9.0, slowest_read=5.0, slowest_tool=1.0, slowest_network=1.0)
    weather.failing_commits = 1
    assert max(weather.pace("read") for _ in range(50)) > 1.0
    with pytest.raises(OSError, match="full"):
        weather.pace("commit")
    assert max(weather.pace("commit") for _ in range(50)) > 5.0
    weather.failing_commits = 1
    weather.calm()
    assert max(weather.pace(kind) for _ in range(50) for kind in ("commit", "told", "read")) < 0.1


def played(how: str) -> list[tuple[bool, bool]]:
    """(ready, alive) of each process at the end."""
    actions = (
        Ask(1.0, 0, "new", 0, "enqueue", STEPS),
        Restart(1.3, how, 0.2),
        Ask(6.0, 0, "known", 0, "enqueue", STEPS),
    )
    world = play(Schedule(2, (1,), actions))
    assert world.truth.broken == []
    assert sum(world.truth.effects.values()) >= 3
    return [(process.ready, process.alive) for process in world.processes]


@pytest.mark.parametrize("how", ["kill", "drain", "zombie"])
def test_a_process_that_ended_takes_nobody_any_more(how: str) -> None:
    assert played(how) == [(False, False), (False, False)]
