"""P9: answers that stream, 20 events a second each, every event committed: what an event costs, and how late it comes."""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from typing import Any

import uvloop
from websockets.asyncio.client import connect

from . import figures, machine, ours
from .figures import figure
from .golden_server import EVENTS_A_SECOND, STREAMER
from .server import cpu_seconds

_TS = re.compile(r'"ts":(\d+)')
_LOOKED_AT = 20  # one event in so many is asked for its time


class Load:
    """So many streams at once. ``events`` that came, and how late some of them were, in milliseconds."""

    def __init__(self) -> None:
        self.events = 0
        self.late_ms: list[float] = []

    async def run(self, server: ours.Running, streams: int, seconds: int) -> None:
        await asyncio.gather(*(self._stream(server, number, seconds) for number in range(streams)))

    async def _stream(self, server: ours.Running, number: int, seconds: int) -> None:
        user = f"user-{number:05}"
        bearer = {"Authorization": f"Bearer {ours.token(server.data_dir, user)}"}
        async with connect(f"ws://127.0.0.1:{server.port}/ws/{user}", additional_headers=bearer) as socket:
            await socket.send(f'{{"type":"execute_agent","agent":"{STREAMER}","message":"{seconds}"}}')
            async for frame in socket:
                if '"agent_delta"' in frame[:40]:
                    self.events += 1
                    if self.events % _LOOKED_AT == 0 and (found := _TS.search(str(frame))) is not None:
                        self.late_ms.append(time.time() * 1000 - int(found[1]))
                elif '"agent_completed"' in frame[:40]:
                    return
                elif '"error"' in frame[:20] or '"agent_failed"' in frame[:40]:
                    raise RuntimeError(f"a stream ended early: {frame!r:.200}")


def measure(streams: int, seconds: int) -> tuple[float, float]:
    """Processor time of the server for one event in microseconds, and the 99th percentile of its lateness in milliseconds."""
    load = Load()
    with ours.running(ours.empty_data_dir("streams")) as server:
        before = cpu_seconds(server.process.pid)
        uvloop.run(load.run(server, streams, seconds))
        taken = cpu_seconds(server.process.pid) - before
    expected = streams * seconds * EVENTS_A_SECOND
    if load.events != expected:
        raise RuntimeError(f"{load.events} events came of {expected}")
    late = sorted(load.late_ms)
    return taken / load.events * 1e6, late[len(late) * 99 // 100]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks streams", description=__doc__)
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=5, help="of each stream")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    about = machine.describe()
    machine.raise_file_limit(options.streams + 500)
    costs: list[float] = []
    late: list[float] = []
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", flush=True)
        cost, p99 = measure(options.streams, options.seconds)
        costs.append(cost)
        late.append(p99)
    figures.show(
        f"P9: {options.streams:,} streams of {EVENTS_A_SECOND} events a second",
        ["system", "cpu an event", "late, p99"],
        [[ours.NAME, f"{figure(costs).shown(1)} µs", f"{figure(late).shown(1)} ms"]],
        ["Sign-ins and the beginnings of the runs are in the processor time; the clients share the machine."],
    )
    results: dict[str, Any] = {"streams": options.streams, "cpu_us": costs, "late_ms": late}
    figures.finish("streams", about, results)
