"""A chaos scenario of several server processes and their stores, with clients at all of them and the same judge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from .fault_injection import KINDS, FaultInjection
from .fleet import Fleet
from .judge import judge
from .model_server import ModelServer, read_asked
from .processes import Processes
from .scenario import Outcome, counted
from .stores import open_stores
from .worker_server import read_effects

PATIENCE_S: Final = 240.0
"""A run of a process that died lies still for half a minute before another takes it over."""


@dataclass(frozen=True, slots=True)
class FleetPlight:
    """What is done: ``processes`` servers, ``clients`` devices which ask every ``pause_s`` seconds or so and are cut off at
    random; ``counts`` says how often each kind of ``faults.KINDS`` is done."""

    processes: int = 4
    clients: int = 60
    pause_s: float = 2.0
    counts: Mapping[str, int] = field(default_factory=dict)


async def endure_fleet(
    place: Path, plight: FleetPlight, seed: int, say: Callable[[str], None], *, keep: Path | None = None
) -> Outcome:
    """Start all of it in ``place`` and hold the scenario. ``say`` is told how it goes; ``keep``: where to put the logs."""
    rng = Random(seed)
    effects = place / "effects"
    async with open_stores(plight.processes) as stores:
        with (
            ModelServer(place / "asked") as model,
            Processes(place, plight.processes, stores, effects, rng, model.settings) as processes,
        ):
            await processes.start()
            fleet = Fleet(plight.clients, processes, rng)
            doing = [
                asyncio.create_task(fleet.ask_on(plight.pause_s)),
                asyncio.create_task(fleet.cut_on(4 * plight.pause_s)),
            ]
            faults = FaultInjection(processes, stores, plight.counts, Random(rng.random()))
            try:
                await faults.inject(say)
            finally:
                for task in doing:
                    task.cancel()
                for task in doing:
                    with suppress(asyncio.CancelledError):
                        await task
            say("over; every client comes back to its position, and another reads from the beginning")
            fleet.send_readers()
            await fleet.rest(PATIENCE_S)
            for words in await stores.unfinished():
                say(f"not ended: {words}")
            stories = fleet.stories()
            fleet.leave()
            if keep is not None:
                processes.keep_logs(keep)
            for words, times in processes.faults_logged().most_common(20):
                say(f"logged as an error, {times} times: {words}")
    refused = [
        f"lost: {command.key} was refused for ever ({command.refused})"
        for user in fleet.users
        for command in user.commands.values()
        if command.refused
    ]
    done, asked = read_effects(effects), read_asked(place / "asked")
    broken = (*fleet.truth.broken, *faults.broken, *refused, *judge(stories, done, asked))
    return Outcome(
        broken,
        {
            **counted(fleet, stories, done, asked),
            **{KINDS[kind]: faults.done[kind] for kind in KINDS if plight.counts.get(kind)},
            "starts while stores were away": faults.failed_starts,
        },
    )
