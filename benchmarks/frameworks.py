"""P11: what a run of an agent costs, by its framework alone and in Netra: four model requests and three tool calls.

The model is a function, so all of it is the framework and the server: no HTTP client is in either. In Netra the run is a whole
one in a thread of its own: asked by a connected user, journaled in SQLite with ``synchronous=FULL``, its events delivered, its
text streamed. Sockets are left out: they are P1. What it is compared with is the framework doing the same for its user, so it
streams, too; what it costs if it shows nothing until the end is printed beside it. All are measured in one process on the
server's event loop, with the server's settings of the collector.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from . import machine
from .framework_agents import wait_each_time

CONTESTANTS = ("pydantic_ai", "langgraph", "openai_agents")
"""The modules of ``framework_agents``."""
QUESTION = "What is the weather like?"
WARM = 10
_YOUNG_OBJECTS, _SWITCH_S = 20_000, 0.0005  # as the server has them


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor time of one run, in milliseconds: by the framework alone, streamed and as a whole, and in Netra; and what is in a
    run there."""

    name: str
    alone_ms: float
    whole_ms: float
    served_ms: float
    events: float
    commits: float

    @property
    def row(self) -> str:
        """A row of the table."""
        times = f"{self.whole_ms:.2f} | {self.alone_ms:.2f} | {self.served_ms:.2f} | {self.ratio:.2f}"
        return f"| {self.name} | {times} | {self.events:.0f} | {self.commits:.0f} |"

    @property
    def ratio(self) -> float:
        """How many times as much it is in Netra."""
        return self.served_ms / self.alone_ms


class CountingWire:
    """A socket that takes everything, and looks for the end of a run."""

    def __init__(self) -> None:
        self.frames = 0
        self.writable = True
        self.unsent = 0
        self._ends: asyncio.Queue[bytes] = asyncio.Queue()

    def send(self, frames: Sequence[bytes]) -> None:
        """Count them."""
        self.frames += len(frames)
        for frame in frames:
            if b'"agent_completed"' in frame[:40] or b'"agent_failed"' in frame[:40]:
                self._ends.put_nowait(frame)

    def ping(self) -> bool:
        """Nobody answers."""
        return False

    def close(self, code: int, reason: str) -> None:
        """Nothing is open."""

    async def ended(self) -> None:
        """A run has ended. Raises if it failed."""
        frame = await self._ends.get()
        if b'"agent_completed"' not in frame[:40]:
            raise RuntimeError(frame.decode())


async def measured(contestant: Any, runs: int) -> Cost:
    """What one run of this contestant costs in this process, on average over so many."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
    sys.setswitchinterval(_SWITCH_S)
    async with _serving(contestant) as (ask, wire, counts):
        await _cost(ask, WARM)  # what it sends is counted from here on
        frames, commits = wire.frames, counts()["commits"]
        served = await _cost(ask, runs)
        events, commits = (wire.frames - frames) / runs, (counts()["commits"] - commits) / runs
    alone, whole = await _warm_cost(contestant.alone, runs), await _warm_cost(contestant.whole, runs)
    return Cost(
        contestant.NAME, alone, whole, served, events - 1, commits
    )  # one frame says that the request was accepted


async def _warm_cost(work: Callable[[], Awaitable[None]], runs: int) -> float:
    await _cost(work, WARM)
    return await _cost(work, runs)


async def _cost(work: Callable[[], Awaitable[None]], runs: int) -> float:
    before = time.process_time()
    for _ in range(runs):
        await work()
    return (time.process_time() - before) * 1000 / runs


@asynccontextmanager
async def _serving(contestant: Any) -> AsyncIterator[tuple[Callable[[], Awaitable[None]], CountingWire, Any]]:
    from netra_backend.app.core.identity import BASE_SCOPES, Identity
    from test_framework.local_runtime import running

    (agent,) = contestant.AGENTS
    request = json.dumps({"type": "execute_agent", "agent": agent.name, "message": QUESTION})
    with tempfile.TemporaryDirectory() as place:
        async with running(Path(place), agents=[agent]) as runtime:
            manager = await runtime.managers.create_websocket_manager(
                "user_bench", runtime.mint("thr"), runtime.mint("conn")
            )
            wire = CountingWire()
            connection = runtime.connections.open(
                manager, wire, Identity("user_bench", BASE_SCOPES, None, runtime.clock.now_ms(), "")
            )

            async def ask() -> None:
                connection.received(request)
                await wire.ended()

            yield ask, wire, runtime.log.counts
            runtime.connections.closed(connection)


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks frameworks", description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="how many runs of each")
    parser.add_argument("--rounds", type=int, default=3, help="how often all of it is done")
    parser.add_argument(
        "--wait-ms", type=float, default=0, help="how long each request and call waits, as for a network"
    )
    parser.add_argument("--one", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.one is not None:
        logging.disable(logging.CRITICAL)
        wait_each_time(options.wait_ms / 1000)
        contestant = importlib.import_module(f"{__package__}.framework_agents.{options.one}")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(json.dumps(asdict(runner.run(measured(contestant, options.runs)))))
        return
    print(
        "P11: processor time of a run, in ms. In a run: 4 model requests (functions), 3 tool calls, the text streamed."
    )
    print('"Alone" streams as Netra does; "whole" shows nothing until the end. "Times" is in Netra : alone.\n')
    print("| framework | whole | alone | in Netra | times | events | commits |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in CONTESTANTS:
        rounds = [_in_a_process(name, options.runs, options.wait_ms) for _ in range(options.rounds)]
        rounds.sort(key=lambda each: each.ratio)
        print(rounds[len(rounds) // 2].row, flush=True)


def _in_a_process(name: str, runs: int, wait_ms: float) -> Cost:
    """One round, in a process that has loaded nothing else."""
    command = [sys.executable, "-m", "benchmarks.frameworks", "--one", name, "--runs", str(runs)]
    command += ["--wait-ms", str(wait_ms)]
    done = subprocess.run(
        machine.pinned(machine.cores()[0], command),
        cwd=machine.ROOT,
        env={**os.environ, "PYDANTIC_AI_NO_BANNER": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main(sys.argv[1:])
