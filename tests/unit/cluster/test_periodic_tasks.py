"""What a process does from time to time: one thing at a time, and on after a fault."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from netra_backend.app.cluster.periodic_tasks import RELOAD_S, PeriodicTasks
from netra_backend.app.core.errors import DependencyUnavailable
from test_framework.waiting import turns


class Looks:
    """A takeover that notes when it is told of time."""

    def __init__(self) -> None:
        self.ticks: list[float] = []
        self.closed = False

    def tick(self, now: float) -> None:
        self.ticks.append(now)

    async def close(self) -> None:
        self.closed = True


class Read:
    """Revocations whose store may be slow, or away."""

    def __init__(self) -> None:
        self.count = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None

    async def load(self) -> None:
        self.count += 1
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def parts() -> tuple[Any, Any, PeriodicTasks]:
    looks: Any = Looks()
    read: Any = Read()
    return looks, read, PeriodicTasks(looks, read)


async def test_time_is_passed_on_and_revocations_are_read_again_now_and_then(
    parts: tuple[Any, Any, PeriodicTasks],
) -> None:
    looks, read, rounds = parts
    for now in (0.0, 1.0, RELOAD_S - 1, RELOAD_S):
        rounds.tick(now)
        await turns()
    assert looks.ticks == [0.0, 1.0, RELOAD_S - 1, RELOAD_S]
    assert read.count == 2


async def test_a_reading_that_takes_long_is_not_begun_twice(parts: tuple[Any, Any, PeriodicTasks]) -> None:
    _, read, rounds = parts
    read.gate.clear()
    for now in (0.0, RELOAD_S, 2 * RELOAD_S):
        rounds.tick(now)
        await turns()
    assert read.count == 1
    read.gate.set()
    await turns()
    rounds.tick(3 * RELOAD_S)
    await turns()
    assert read.count == 2


@pytest.mark.parametrize("fault", [DependencyUnavailable("away"), LookupError("a fault of ours")])
async def test_what_cannot_be_read_is_told_and_tried_again(
    parts: tuple[Any, Any, PeriodicTasks], fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    _, read, rounds = parts
    read.fault = fault
    with caplog.at_level(logging.WARNING, "netra.fleet"):
        rounds.tick(0.0)
        await turns()
    assert "revocations could not be read" in caplog.text
    rounds.tick(RELOAD_S)
    await turns()
    assert read.count == 2


async def test_closed_it_ends_what_goes_on(parts: tuple[Any, Any, PeriodicTasks]) -> None:
    looks, read, rounds = parts
    read.gate.clear()
    rounds.tick(0.0)
    await turns()
    await rounds.close()
    assert looks.closed
    rounds.tick(RELOAD_S)
    await turns()
    assert read.count == 1
