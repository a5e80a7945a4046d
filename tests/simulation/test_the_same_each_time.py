"""A seed ends in the same way in every interpreter: neither the hashes of strings nor the places of objects in memory decide."""

from __future__ import annotations

import os
import subprocess
import sys

PLAYED = """
import sys
kept = [object() for _ in range(int(sys.argv[1]))][::3]
from test_framework.simulation.schedule import make_fleet_schedule, make_schedule
from test_framework.simulation.simulating import simulate
for make, first in ((make_fleet_schedule, 61210), (make_schedule, 700)):
    for seed in range(first, first + 6):
        verdict = simulate(make(seed))
        print(seed, verdict.digest, verdict.events, verdict.broken)
"""


def test_schedules_end_in_the_same_way_whatever_the_interpreter_does_with_hashes_and_memory() -> None:
    ends = [_played(hash_seed, objects) for hash_seed, objects in (("1", 0), ("2", 77_777))]
    assert len(ends[0]) == 12
    assert ends[0] == ends[1]


def _played(hash_seed: str, objects: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PLAYED, str(objects)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()
