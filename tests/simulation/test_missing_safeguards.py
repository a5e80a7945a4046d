"""Each safeguard is needed, and its absence is noticed: without it the sweep finds a broken promise."""

from __future__ import annotations

import os
from itertools import count, islice

import pytest

from test_framework.simulation.safeguards import SAFEGUARDS
from test_framework.simulation.schedule import make_schedule
from test_framework.simulation.simulating import Verdict, simulate

PATIENCE = 1500
NOTICED_AS = {
    "hold_back": {"wire"},
    "epoch_check": {"epochs", "prefix"},
    "idempotency": {"requests", "rest"},  # a key that is remembered, but not with what, is refused for ever
    "owner_assertion": {"owners"},
    "journal": {"runs", "tools"},
    "step_keys": {"runs", "tools"},
    "branches": {"runs", "tools"},
    "fence": {"bytes", "prefix", "runs", "tools", "requests"},
    "top_heartbeat": {"rest"},
    "claim_before_acting": {"tools"},
    "commit_before_sending": {"owners", "prefix", "requests", "wire"},
}


def test_every_safeguard_is_taken_out_here() -> None:
    assert set(NOTICED_AS) == set(SAFEGUARDS)


@pytest.mark.parametrize("name", SAFEGUARDS)
def test_the_sweep_notices_that_a_safeguard_is_missing(name: str) -> None:
    seeds = islice(count(int(os.environ["NETRA_TEST_SEED"])), PATIENCE)
    with SAFEGUARDS[name]():
        found = next((verdict for verdict in map(_simulated, seeds) if verdict.broken), None)
    assert found is not None, f"{PATIENCE} seeds do not notice that {name} is missing"
    assert {each.partition(":")[0] for each in found.broken} & NOTICED_AS[name], found.broken
    assert _simulated(found.schedule.seed).broken == (), "it breaks with the safeguard too"


def _simulated(seed: int) -> Verdict:
    return simulate(make_schedule(seed))
