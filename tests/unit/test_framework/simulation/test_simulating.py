"""Simulations: the same seed is the same story to the byte, and a failure is told as shortly as can be."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from test_framework.simulation.safeguards import SAFEGUARDS
from test_framework.simulation.schedule import Ask, Drop, Pry, Schedule, make_schedule
from test_framework.simulation.simulating import Verdict, shrink, simulate, sweep, told

LINE = "from test_framework.simulation.simulating import *; print(simulate(make_schedule({})).digest)"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_schedule_always_comes_to_the_same_end(seed: int) -> None:
    one, two = simulate(make_schedule(seed)), simulate(make_schedule(seed))
    assert one == two
    assert one.events > 0
    assert one.digest != simulate(make_schedule(seed + 1)).digest


def test_it_does_so_in_every_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", LINE.format(7)],
            env={"PYTHONHASHSEED": str(seed)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in (1, 2)
    }
    assert digests == {simulate(make_schedule(7)).digest}


def test_a_sweep_tells_each_failure_and_how_many_seeds_there_were() -> None:
    failures: list[Verdict] = []
    assert sweep(range(5), failures.append) == 5
    assert failures == []
    with SAFEGUARDS["commit_before_sending"]():
        assert sweep(range(5), failures.append) == 5
    assert failures


def test_a_failure_is_told_with_its_seed_and_the_few_actions_that_it_takes() -> None:
    noise = [Drop(1.0 + step / 10, 1, 0.0) for step in range(10)] + [Pry(3.0, 0, 1)]
    schedule = Schedule(4, (1, 1), (*noise, Ask(5.0, 0, "new", 0, "enqueue", ("think",)), *(Pry(7.0, 0, 1),) * 3))
    with SAFEGUARDS["commit_before_sending"]():
        verdict = simulate(schedule)
        short = shrink(verdict)
        words = told(verdict)
    assert Ask in {type(action) for action in short.schedule.actions}
    assert len(short.schedule.actions) < len(schedule.actions) / 2
    assert short.broken
    assert "netra simulate --seed 4" in words
    assert f"{len(short.schedule.actions)} of {len(schedule.actions)} actions" in words


def test_what_servers_log_while_they_die_is_kept_quiet_and_logging_is_as_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = logging.root.manager.disable
    for seed in range(3):
        simulate(make_schedule(seed))
    assert caplog.records == []
    assert logging.root.manager.disable == before
