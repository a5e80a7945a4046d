"""Several processes at once, each of which may die, drain or be taken for dead: every promise is kept, and by what is named."""

from __future__ import annotations

import pytest

from test_framework.simulation.safeguards import FLEET_SAFEGUARDS
from test_framework.simulation.schedule import make_fleet_schedule
from test_framework.simulation.simulating import Verdict, simulate, sweep, told

SHARDS, EACH, PATIENCE = 6, 25, 1500
FOUND = (
    6306,
    6756,
    11459,
    11962,
    12027,
    12212,
    12258,
    12259,
    12412,
    20294,
    20552,
    20558,
    21845,
    25681,
    42625,
    43540,
    31924,
)
"""Schedules that once broke a promise, or found the simulation's own words too strict."""


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_promise_is_kept_by_several_processes(shard: int) -> None:
    failures: list[Verdict] = []
    assert sweep(range(shard * EACH, (shard + 1) * EACH), failures.append, make_fleet_schedule) == EACH
    assert not failures, told(failures[0])


@pytest.mark.parametrize("seed", FOUND)
def test_what_once_was_broken_is_kept(seed: int) -> None:
    verdict = simulate(make_fleet_schedule(seed))
    assert not verdict.broken, told(verdict)


@pytest.mark.parametrize("name", FLEET_SAFEGUARDS)
def test_it_is_noticed_that_a_safeguard_is_missing(name: str) -> None:
    with FLEET_SAFEGUARDS[name]():
        verdicts = (simulate(make_fleet_schedule(seed)) for seed in range(PATIENCE))
        found = next((verdict for verdict in verdicts if verdict.broken), None)
    assert found is not None, f"{PATIENCE} seeds do not notice that {name} is missing"
    assert simulate(found.schedule).broken == (), "it breaks with the safeguard too"
