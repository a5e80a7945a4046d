"""A short bad day of a real server: cuts, and kills under load. Nothing is lost, doubled, out of order or anybody else's."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from test_framework.chaos.__main__ import table
from test_framework.chaos.scenario import Plight, endure

pytestmark = pytest.mark.long


async def test_clients_that_are_cut_off_while_the_server_is_killed_find_everything_again(
    tmp_path: Path, seed: str
) -> None:
    number = Random(seed).getrandbits(32)
    outcome = await endure(tmp_path, Plight(clients=20, kills=4, cuts=True, pause_s=0.5), number, print)
    assert outcome.broken == (), table(outcome, 0.0, number)
    assert outcome.counts["requests"] == outcome.counts["runs"] > 0
    assert outcome.counts["cuts"] > 0


async def test_clients_that_are_cut_off_find_everything_again(tmp_path: Path, seed: str) -> None:
    number = Random(seed).getrandbits(32)
    outcome = await endure(tmp_path, Plight(clients=40, seconds=3.0, cuts=True, pause_s=0.4), number, print)
    assert outcome.broken == (), table(outcome, 0.0, number)
    assert outcome.counts["runs"] > outcome.counts["clients"] / 2
    assert outcome.counts["runs completed"] > 0
