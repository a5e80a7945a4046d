"""Presence in memory beyond what every presence promises: a test lets it fail and forget."""

from __future__ import annotations

import pytest

from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.quotas import Counts
from test_framework.memory.presence import MemoryPresence, MemoryPresences, sum_of

ADA = {"user_ada": Counts(connections=1)}


async def test_while_it_is_down_it_does_not_answer_and_keeps_what_was_said() -> None:
    presences = MemoryPresences()
    one, two = (MemoryPresence(presences, name) for name in ("prc_1", "prc_2"))
    await one.exchange(ADA)
    presences.up = False
    with pytest.raises(DependencyUnavailable):
        await two.exchange(ADA)
    presences.up = True
    assert await two.exchange(ADA) == ADA


async def test_what_is_flushed_is_gone_and_what_is_closed_is_taken_back() -> None:
    presences = MemoryPresences()
    one, two = (MemoryPresence(presences, name) for name in ("prc_1", "prc_2"))
    await one.exchange(ADA)
    presences.flush()
    assert await two.exchange(ADA) == {}
    await one.exchange(ADA)
    await one.close()
    assert await two.exchange(ADA) == {}


def test_counts_are_added() -> None:
    assert sum_of([Counts(1, 2, 3), Counts(10, 20, 30), Counts()]) == Counts(11, 22, 33)
