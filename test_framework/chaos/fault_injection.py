"""What is done to a fleet and to its stores: every kind of fault, each so often, several at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from .processes import Process, Processes
from .stores import Stores

KINDS: Final = {
    "kill": "kill -9 of a server",
    "drain": "SIGTERM of a server",
    "freeze": "SIGSTOP of a server, shorter than its lease",
    "long-freeze": "SIGSTOP of a server, longer than its lease",
    "postgres": "kill -9 of PostgreSQL",
    "valkey": "kill -9 of Valkey, its data kept",
    "valkey-empty": "kill -9 of Valkey, its data lost",
    "valkey-stale": "Valkey replaced by an older copy of itself",
    "bus-cut": "a server's cable to Valkey cut",
    "bus-stall": "a server's cable to Valkey stalled",
}
SHARES: Final = {"long-freeze": 0.1, "drain": 0.25}
"""Of the kinds that take long, so many as of each of the others."""

_LEASE_S: Final = 30.0
_LEAST_WELL: Final = 1
_SAY_EVERY_S: Final = 10.0
_PACE_S: Final = 1.5
_AHEAD: Final = 0.1
"""How much further than the slowest lane another may be: to the end, every kind meets every other."""

InjectFault = Callable[[], Awaitable[None]]


def counts_for(times: int) -> dict[str, int]:
    """How often each kind is done where most are done ``times`` times."""
    return {kind: max(1, round(times * SHARES.get(kind, 1.0))) for kind in KINDS}


@dataclass(frozen=True, slots=True)
class _SerialQueue:
    """Kinds that are done one after the other, beside those of other lanes."""

    kinds: tuple[str, ...]
    pace_s: float = _PACE_S


# PostgreSQL and Valkey are one each; servers are several, so one may be frozen while another starts.
_LANES: Final = (
    _SerialQueue(("kill",), 1.0),
    _SerialQueue(("drain",)),
    _SerialQueue(("freeze", "long-freeze")),
    _SerialQueue(("postgres",), 2.5),
    _SerialQueue(("valkey", "valkey-empty", "valkey-stale"), 0.5),
    _SerialQueue(("bus-cut", "bus-stall")),
)


class FaultInjection:
    """Injects every kind of fault as often as ``counts`` says. ``done`` counts them; ``broken`` is what it noticed."""

    def __init__(self, processes: Processes, stores: Stores, counts: Mapping[str, int], rng: Random) -> None:
        self.done: Counter[str] = Counter()
        self.broken: list[str] = []
        self.failed_starts = 0
        self._counts = {kind: counts.get(kind, 0) for kind in KINDS}
        self._processes = processes
        self._stores = stores
        self._rng = rng
        self._faults: dict[str, InjectFault] = {
            "kill": self._kill,
            "drain": self._drain,
            "freeze": lambda: self._freeze(0.5 + 5 * self._rng.random()),
            "long-freeze": lambda: self._freeze(_LEASE_S + 1 + 5 * self._rng.random()),
            "postgres": lambda: stores.crash_database(self._away()),
            "valkey": self._valkey,
            "valkey-empty": self._valkey_empty,
            "valkey-stale": self._valkey_stale,
            "bus-cut": self._cut,
            "bus-stall": self._stall,
        }

    async def inject(self, say: Callable[[str], None]) -> None:
        """Do all of it; ``say`` is told how far it is."""
        telling = asyncio.create_task(self._tell(say))
        try:
            async with asyncio.TaskGroup() as group:
                for queue in _LANES:
                    group.create_task(self._go_through(queue, Random(self._rng.random())))
        finally:
            telling.cancel()
        say(self.progress())

    def progress(self) -> str:
        """How often each kind was done, of how often it is to be."""
        return ", ".join(f"{kind} {self.done[kind]}/{count}" for kind, count in self._counts.items() if count)

    async def _tell(self, say: Callable[[str], None]) -> None:
        while True:
            await asyncio.sleep(_SAY_EVERY_S)
            say(self.progress())

    async def _go_through(self, queue: _SerialQueue, rng: Random) -> None:
        faults = [kind for kind in queue.kinds for _ in range(self._counts[kind])]
        rng.shuffle(faults)
        for kind in faults:
            await asyncio.sleep(rng.random() * 2 * queue.pace_s)
            await self._faults[kind]()
            self.done[kind] += 1
            while self._share(queue) > min(map(self._share, _LANES)) + _AHEAD:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    def _share(self, queue: _SerialQueue) -> float:
        """How much of a lane is done."""
        asked = sum(self._counts[kind] for kind in queue.kinds)
        return sum(self.done[kind] for kind in queue.kinds) / asked if asked else 1.0

    def _away(self) -> float:
        """How long a store stays away: mostly it is back at once."""
        return 0.0 if self._rng.random() < 0.7 else 3 * self._rng.random()

    # --- servers ----------------------------------------------------------------------------------------------------

    async def _picked(self) -> Process:
        while (process := self._processes.pick(_LEAST_WELL)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        return process

    async def _kill(self) -> None:
        process = await self._picked()
        process.kill()
        await self._return(process)

    async def _drain(self) -> None:
        process = await self._picked()
        if not await process.drain():
            self.broken.append(f"drain: process {process.number} did not end well after SIGTERM")
        await self._return(process)

    async def _return(self, process: Process) -> None:
        self.failed_starts += await process.come_back()
        process.troubled = False

    async def _freeze(self, seconds: float) -> None:
        process = await self._picked()
        await process.freeze(seconds)
        process.troubled = False

    # --- Valkey -----------------------------------------------------------------------------------------------------

    async def _valkey(self) -> None:
        await self._stores.save_valkey()
        await self._stores.crash_valkey(self._away())

    async def _valkey_empty(self) -> None:
        await self._stores.forget_valkey()
        await self._stores.crash_valkey(self._away())

    async def _valkey_stale(self) -> None:
        await self._stores.save_valkey()
        await asyncio.sleep(0.5 + self._rng.random())  # what is written now is not in the copy
        await self._stores.crash_valkey(self._away())

    async def _cut(self) -> None:
        link = self._rng.choice(self._stores.links)
        await link.cut()
        await asyncio.sleep(2 * self._rng.random())
        await link.mend()

    async def _stall(self) -> None:
        link = self._rng.choice(self._stores.links)
        link.stall()
        await asyncio.sleep(3 * self._rng.random())
        link.flow()
