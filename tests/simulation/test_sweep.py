"""A thousand schedules that nobody thought of, new ones in every run: every promise is kept in each."""

from __future__ import annotations

import os

import pytest

from test_framework.simulation.simulating import Verdict, sweep, told

SHARDS, EACH = 20, 50


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_promise_is_kept_whatever_happens(shard: int) -> None:
    first = int(os.environ["NETRA_TEST_SEED"]) * SHARDS * EACH + shard * EACH
    failures: list[Verdict] = []
    assert sweep(range(first, first + EACH), failures.append) == EACH
    assert not failures, told(failures[0])
