"""A thousand schedules that nobody thought of, new ones in every run: every promise is kept in each."""

from __future__ import annotations

import os

import pytest

from test_framework.simulation.simulating import Verdict, sweep, told

SHARDS, EACH = 20, 50
SHORT = 8
"""So many shards are played every time; the others are long."""


@pytest.mark.parametrize(
    "shard", [pytest.param(shard, marks=() if shard < SHORT else pytest.mark.long) for shard in range(SHARDS)]
)
def test_every_promise_is_kept_whatever_happens(shard: int) -> None:
    first = int(os.environ["NETRA_TEST_SEED"]) * SHARDS * EACH + shard * EACH
    failures: list[Verdict] = []
    assert sweep(range(first, first + EACH), failures.append) == EACH
    assert not failures, told(failures[0])
