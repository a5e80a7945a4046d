"""Runs simulations: one schedule, many seeds, and the shortest schedule that still fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from .fleet_world import FleetWorld
from .judge import judge
from .schedule import Schedule, make_schedule
from .virtual_loop import VirtualLoop
from .world import World


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one schedule; ``broken`` is empty where every promise was kept."""

    schedule: Schedule
    broken: tuple[str, ...]
    digest: str
    events: int


def simulate(schedule: Schedule) -> Verdict:
    """Play one schedule and judge it. The same schedule always gives the same verdict."""
    world = play(schedule)
    events = sum(len(history) for history in world.truth.histories.values())
    return Verdict(schedule, tuple(judge(world)), world.truth.digest, events)


def play(schedule: Schedule) -> World:
    """The world as it is after this schedule, when everybody has left."""
    loop = VirtualLoop()
    with _quiet():
        try:
            return loop.run_until_complete(_played(schedule, loop))
        finally:
            loop.close()


async def _played(schedule: Schedule, loop: VirtualLoop) -> World:
    world = (FleetWorld if schedule.processes > 1 else World)(schedule, loop)
    loop.set_exception_handler(
        lambda _, context: world.truth.broke(f"exceptions: {context['message']}: {context.get('exception')!r}")
    )
    await world.play()
    await world.end()
    while others := asyncio.all_tasks() - {asyncio.current_task()}:  # the end of one may begin another
        for task in others:
            task.cancel()
        await asyncio.wait(others)
    await loop.shutdown_asyncgens()
    return world


@contextmanager
def _quiet() -> Iterator[None]:
    """What servers log while their world is on fire is of no interest."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def sweep(
    seeds: Iterable[int], failed: Callable[[Verdict], None], make: Callable[[int], Schedule] = make_schedule
) -> int:
    """Simulate what ``make`` makes of every seed; ``failed`` is called with each that broke a promise. Returns how many there
    were."""
    count = 0
    for seed in seeds:
        verdict = simulate(make(seed))
        count += 1
        if verdict.broken:
            failed(verdict)
    return count


def shrink(verdict: Verdict) -> Verdict:
    """A verdict on a schedule with as few actions as could be found that breaks a promise of the same kind."""
    kinds = {_kind(each) for each in verdict.broken}
    size = max(1, len(verdict.schedule.actions) // 2)
    while size:
        at = 0
        while at < len(verdict.schedule.actions):
            actions = verdict.schedule.actions
            fewer = simulate(replace(verdict.schedule, actions=actions[:at] + actions[at + size :]))
            if kinds & {_kind(each) for each in fewer.broken}:
                verdict = fewer
            else:
                at += size
        size //= 2
    return verdict


def _kind(broken: str) -> str:
    return broken.partition(":")[0]


def told(verdict: Verdict) -> str:
    """A failed verdict for people: its seed, the shortest schedule found, and what broke."""
    short = shrink(verdict)
    devices = ", ".join(map(str, short.schedule.devices))
    return "\n".join(
        [
            f"seed {short.schedule.seed} breaks a promise; to repeat: netra simulate --seed {short.schedule.seed}"
            + (" --fleet" if short.schedule.processes > 1 else ""),
            f"users with {devices} devices; {len(short.schedule.actions)} of {len(verdict.schedule.actions)} actions do:",
            *(f"  {action}" for action in short.schedule.actions),
            "broken:",
            *(f"  {each}" for each in short.broken[:10]),
        ]
    )
