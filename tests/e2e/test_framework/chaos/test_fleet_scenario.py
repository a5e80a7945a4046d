"""A short bad day of several processes and their stores: nothing is lost, doubled, out of order or anybody else's."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from test_framework.chaos.__main__ import table
from test_framework.chaos.fleet_scenario import FleetPlight, endure_fleet
from test_framework.chaos.takeover import measure_takeovers

pytestmark = [pytest.mark.real_services, pytest.mark.long]


async def test_processes_that_are_killed_drained_and_frozen_lose_nothing(tmp_path: Path, seed: str) -> None:
    number = Random(seed).getrandbits(32)
    plight = FleetPlight(3, 12, 0.5, {"kill": 1, "drain": 1, "freeze": 1})
    outcome = await endure_fleet(tmp_path, plight, number, print)
    assert outcome.broken == (), table(outcome, 0.0, number)
    assert outcome.counts["requests"] == outcome.counts["runs"] > 0


async def test_stores_that_are_killed_and_cut_off_lose_nothing(tmp_path: Path, seed: str) -> None:
    number = Random(seed).getrandbits(32)
    kinds = ("postgres", "valkey", "valkey-empty", "valkey-stale", "bus-cut", "bus-stall")
    outcome = await endure_fleet(tmp_path, FleetPlight(2, 12, 0.5, dict.fromkeys(kinds, 1)), number, print)
    assert outcome.broken == (), table(outcome, 0.0, number)
    assert outcome.counts["requests"] == outcome.counts["runs"] > 0


async def test_a_run_of_a_process_that_drains_is_handed_over_long_before_any_lease_runs_out(
    tmp_path: Path, seed: str
) -> None:
    measured = await measure_takeovers(tmp_path, 2, 0, 1, Random(seed).getrandbits(32), print)
    assert measured.broken == []
    assert measured.handed_over[0] < 10
