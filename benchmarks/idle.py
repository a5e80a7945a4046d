"""P3: ten thousand idle signed-in connections: how long until all are there, and what each of them weighs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import contestants, figures, machine, ours
from .figures import figure
from .generator import Held
from .server import free_port, resident_kib, serving

PATIENCE = 120.0
SETTLED_AFTER = 3.0


@contextmanager
def settled(count: int, words: dict[str, Any]) -> Iterator[Held]:
    """So many idle connections, once what their coming needed is let go."""
    held = Held(connections=count, patience=PATIENCE, **words)
    try:
        time.sleep(SETTLED_AFTER)
        yield held
    finally:
        held.close()


def measure(pid: int, words: dict[str, Any], count: int) -> tuple[float, float]:
    """Seconds until all are connected, and KiB of each."""
    before = resident_kib(pid)
    with settled(count, words) as held:
        return held.opened["connect_s"], (resident_kib(pid) - before) / count


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks idle", description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    about = machine.describe()
    limit = machine.raise_file_limit(options.connections + 200)
    seconds: dict[str, list[float]] = {ours.NAME: [], "bare uvicorn": []}
    weights: dict[str, list[float]] = {ours.NAME: [], "bare uvicorn": []}
    bare = contestants.peers()[0]
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", flush=True)
        with ours.running(ours.empty_data_dir("idle")) as server:
            words = server.arriving(options.connections)
            _add(seconds, weights, ours.NAME, measure(server.process.pid, words, options.connections))
        port = free_port()
        with serving(bare.command(port), port, machine.WORKSHOP / "logs" / "bare-idle.log") as process:
            _add(seconds, weights, "bare uvicorn", measure(process.pid, {"port": port}, options.connections))
    connect, weight = figure(seconds[ours.NAME]), figure(weights[ours.NAME])
    figures.show(
        f"P3: {options.connections:,} idle connections, each of a user of its own",
        ["system", "all connected in", "KiB each"],
        [[name, f"{figure(seconds[name]).shown(2)} s", figure(weights[name]).shown(1)] for name in seconds],
        [f"The limit on open files was raised to {limit:,} by the process that starts the server (RLIMIT_NOFILE)."],
    )
    goals = [
        ["all connected", "≤ 15 s", f"{connect.shown(2)} s", figures.met(connect.median <= 15)],
        ["memory of each", "≤ 30 KiB", f"{weight.shown(1)} KiB", figures.met(weight.median <= 30)],
    ]
    figures.show("Goals", figures.GOAL_COLUMNS, goals)
    figures.finish("idle", about, {"connect_s": seconds, "kib_each": weights, "goals": goals})


def _add(
    seconds: dict[str, list[float]], weights: dict[str, list[float]], name: str, measured: tuple[float, float]
) -> None:
    seconds[name].append(measured[0])
    weights[name].append(measured[1])
