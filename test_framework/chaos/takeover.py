"""How long the runs of a process that dies, or drains, stand still until another one goes on with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import asyncpg

from netra_backend.app.core.events import AgentCompleted, AnyEvent, ApprovalRequested, ToolExecuting
from netra_backend.client.client import NetraClient

from ..ids import new_id
from ..simulation.workers import Plan
from .processes import Process, Processes
from .stores import Stores, open_stores

CLIENTS: Final = 5
LOOKS: Final = 20
_PATIENCE_S: Final = 120.0
_POLL_S: Final = 0.05
_HELD: Final = "SELECT thread_id, holder, fence FROM netra.thread WHERE thread_id = ANY($1::text[])"


@dataclass(slots=True)
class Measured:
    """In seconds. ``taken_over``: from ``kill -9`` until another process holds the thread; ``went_on``: until its client, which
    came back by itself, has the next event; ``handed_over``: from the moment that a draining process lets go of a thread until
    another one holds it."""

    taken_over: list[float] = field(default_factory=list)
    went_on: list[float] = field(default_factory=list)
    handed_over: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def rows(self) -> list[tuple[str, Sequence[float]]]:
        """By what they are called."""
        return [
            ("kill -9 until taken over", self.taken_over),
            ("kill -9 until the client's next event", self.went_on),
            ("let go of until held again (drain)", self.handed_over),
        ]


async def measure_takeovers(
    place: Path, count: int, kills: int, drains: int, seed: int, say: Callable[[str], None]
) -> Measured:
    """Kill one of ``count`` processes ``kills`` times, and drain one ``drains`` times, each with runs under way."""
    rng, measured = Random(seed), Measured()
    async with open_stores(count) as stores:
        with Processes(place, count, stores, place / "effects", rng) as processes:
            await processes.start()
            bench = _Bench(stores, processes, rng, measured)
            for number in range(drains):
                await bench.drain()
                say(f"drain {number + 1} of {drains}: {measured.handed_over[-1] * 1000:.1f} ms")
            for number in range(kills):
                await bench.kill()
                say(f"kill {number + 1} of {kills}: {max(measured.went_on[-CLIENTS:]):.1f} s until all went on")
    return measured


class _Bench:
    def __init__(self, stores: Stores, processes: Processes, rng: Random, measured: Measured) -> None:
        self._stores = stores
        self._processes = processes
        self._rng = rng
        self._measured = measured

    # --- kill -9 ----------------------------------------------------------------------------------------------------

    async def kill(self) -> None:
        """Kill a process that has the runs of several clients, and bring it back."""
        victim = self._rng.choice(self._processes.all)
        await asyncio.sleep(10 * self._rng.random())  # anywhere between two renewals of its lease
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(self._client(victim)) for _ in range(CLIENTS)]
            runs = [_Run(client) for client in clients]
            following = [asyncio.create_task(run.follow()) for run in runs]
            await asyncio.gather(*(run.under_way.wait() for run in runs))
            threads = [run.thread_id for run in runs]
            reader = await asyncpg.connect(self._stores.admin_url)
            before = await _fences(reader, threads)
            victim.kill()
            killed = time.monotonic()
            coming = asyncio.create_task(victim.come_back())
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._watch(reader, before, killed)
                    await asyncio.gather(*following)
            except TimeoutError:
                self._measured.broken.append(f"lost: runs of a killed process did not go on within {_PATIENCE_S:g} s")
            finally:
                await reader.close()
                await coming
        self._measured.went_on += [run.after(killed) for run in runs if run.seen]

    async def _watch(self, reader: Any, before: dict[str, int], killed: float) -> None:
        waiting = dict(before)
        while waiting:
            for thread_id, fence in (await _fences(reader, list(waiting))).items():
                if fence > waiting[thread_id]:
                    self._measured.taken_over.append(time.monotonic() - killed)
                    del waiting[thread_id]
            await asyncio.sleep(_POLL_S)

    # --- drain ------------------------------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Drain a process that has a run which waits for its user, and bring it back."""
        victim = self._rng.choice(self._processes.all)
        async with self._client(victim) as client:
            asked = client.ask(_plan("gate"), agent="worker")
            async for event in asked:
                if isinstance(event, ApprovalRequested):
                    break
            reader = await asyncpg.connect(self._stores.admin_url)
            going = asyncio.create_task(victim.drain())
            await self._watch_closely(reader, event.thread_id)
            await reader.close()
            if not await going:
                self._measured.broken.append("drain: a process did not end well after SIGTERM")
            await victim.come_back()
            await client.cancel(event.run_id)

    async def _watch_closely(self, reader: Any, thread_id: str) -> None:
        """Look again and again, without a pause: what is measured takes milliseconds."""
        first = await reader.fetchrow(_HELD, [thread_id])
        let_go: float | None = None
        looked = time.monotonic()
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            row, now = await reader.fetchrow(_HELD, [thread_id]), time.monotonic()
            if row["holder"] is None and let_go is None:
                let_go = now
            elif row["fence"] > first["fence"]:
                self._measured.handed_over.append(
                    now - (looked if let_go is None else let_go)
                )  # at most, where it went unseen
                return
            looked = now
        self._measured.broken.append("lost: the run of a drained process was not taken over")

    def _client(self, process: Process) -> NetraClient:
        user_id = new_id("user")
        return NetraClient(process.url, self._processes.token(user_id), user_id=user_id)


class _Run:
    """One run as its client sees it."""

    def __init__(self, client: NetraClient) -> None:
        self._client = client
        self.under_way = asyncio.Event()
        self.thread_id = ""
        self.seen: list[tuple[float, AnyEvent]] = []

    async def follow(self) -> None:
        async for event in self._client.ask(_plan(*["look"] * LOOKS), agent="worker"):
            self.seen.append((time.monotonic(), event))
            self.thread_id = event.thread_id
            if isinstance(event, ToolExecuting):
                self.under_way.set()
        assert isinstance(self.seen[-1][1], AgentCompleted)

    def after(self, killed: float) -> float:
        """From the kill to the next event."""
        return next((at for at, _ in self.seen if at > killed), float("inf")) - killed


def _plan(*steps: str) -> str:
    return Plan("takeover", "nobody", steps).encoded()


async def _fences(reader: Any, threads: list[str]) -> dict[str, int]:
    return {row["thread_id"]: row["fence"] for row in await reader.fetch(_HELD, threads)}
