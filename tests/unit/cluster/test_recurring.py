"""Recurring work: its turns, one piece at a time, and on after a fault."""

from __future__ import annotations

import asyncio
import logging

import pytest

from netra_backend.app.cluster.recurring import PeriodicTask
from netra_backend.app.core.errors import DependencyUnavailable


class Work:
    """Work that waits at its gate and then fails, where it is told to."""

    def __init__(self) -> None:
        self.done = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None
        self.recurring = PeriodicTask(self, 5.0, "no work")

    async def __call__(self) -> None:
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.done += 1

    async def ended(self) -> None:
        async with asyncio.timeout(20):
            while self.recurring.is_going_on:  # noqa: ASYNC110  # its end sets no event
                await asyncio.sleep(0)


@pytest.fixture
async def work() -> Work:
    return Work()


async def test_the_first_turn_is_at_once_and_the_next_ones_are_so_much_later(work: Work) -> None:
    taken = [work.recurring.take_turn(now) for now in (100.0, 100.0, 104.9, 105.0, 106.0, 110.0)]
    assert taken == [True, False, False, True, False, True]


async def test_it_goes_on_from_its_beginning_to_its_end(work: Work) -> None:
    work.gate.clear()
    assert not work.recurring.is_going_on
    work.recurring.begin()
    assert work.recurring.is_going_on
    work.gate.set()
    await work.ended()
    assert work.done == 1


@pytest.mark.parametrize(
    ("fault", "shows_its_stack"), [(DependencyUnavailable("away"), False), (LookupError("a fault of ours"), True)]
)
async def test_a_fault_is_told_and_the_next_time_is_as_good_as_ever(
    work: Work, fault: Exception, shows_its_stack: bool, caplog: pytest.LogCaptureFixture
) -> None:
    work.fault = fault
    with caplog.at_level(logging.WARNING, "netra.fleet"):
        work.recurring.begin()
        await work.ended()
    (record,) = caplog.records
    assert record.getMessage().startswith("no work")
    assert (record.exc_info is not None) is shows_its_stack
    work.fault = None
    work.recurring.begin()
    await work.ended()
    assert work.done == 1


async def test_closed_it_ends_what_goes_on_and_no_turn_comes_again(work: Work) -> None:
    work.gate.clear()
    work.recurring.begin()
    await asyncio.sleep(0)
    await work.recurring.close()
    assert (work.recurring.is_going_on, work.done) == (False, 0)
    assert not work.recurring.take_turn(1e9)
    await work.recurring.close()
