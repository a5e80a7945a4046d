"""Limits over several processes: what is held elsewhere counts, for as long as it is known."""

from __future__ import annotations

import asyncio
import logging

import pytest

from netra_backend.app.cluster.counts_exchange import MAX_FAILURES, CountsExchange
from netra_backend.app.core.errors import LimitRefused
from netra_backend.app.core.limits import Limits
from netra_backend.app.core.quotas import Quotas
from test_framework.memory.presence import MemoryPresence, MemoryPresences


class Process:
    """One process's quotas, and its exchange."""

    def __init__(self, presences: MemoryPresences, name: str) -> None:
        self.quotas = Quotas(Limits(runs=3))
        self.rounds: asyncio.Queue[float] = asyncio.Queue()
        self.exchange = CountsExchange(self.quotas, MemoryPresence(presences, name), sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        await self.rounds.get()

    def run(self, user: str = "user_ada") -> None:
        """One more run of this user."""
        self.quotas.of(user, 0.0).add_run()


async def test_runs_at_other_processes_count_towards_the_limit() -> None:
    presences = MemoryPresences()
    one, two = Process(presences, "prc_1"), Process(presences, "prc_2")
    for process in (one, one, two):
        process.run()
    for process in (one, two, one):
        await process.exchange.exchange()
    for process in (one, two):
        with pytest.raises(LimitRefused):
            process.run()
    one.quotas.of("user_ada", 0.0).drop_run()
    for process in (one, two):
        await process.exchange.exchange()
    two.run()


async def test_it_is_done_again_and_again_and_taken_back_at_the_end() -> None:
    presences = MemoryPresences()
    one = Process(presences, "prc_1")
    one.exchange.start()
    for runs in (1, 2, 3):
        one.run()
        one.rounds.put_nowait(1.0)
        async with asyncio.timeout(20):
            while presences.said.get("prc_1", {}) != one.quotas.held():  # noqa: ASYNC110  # what is awaited sets no event
                await asyncio.sleep(0)
        assert presences.said["prc_1"]["user_ada"].runs == runs
    await one.exchange.close()
    assert presences.said["prc_1"] == {}


async def test_without_an_answer_what_was_known_holds_for_a_while_and_then_each_process_limits_for_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    presences = MemoryPresences()
    one, two = Process(presences, "prc_1"), Process(presences, "prc_2")
    for _ in range(3):
        one.run()
    two.quotas.of("user_ada", 0.0).connections = 1
    for process in (one, two):
        await process.exchange.exchange()
    presences.up = False
    for _ in range(MAX_FAILURES - 1):
        await two.exchange.exchange()
    with pytest.raises(LimitRefused):
        two.run()
    await two.exchange.exchange()
    two.run()
    assert caplog.text.count("limits count this process alone") == 1
    await two.exchange.close()
    assert "could not be notified that this process is ending" in caplog.text
