"""P4: golden runs with ten thousand threads and a million events stored and five thousand others connected, over empty.

The store is filled through the front door, by asking; each round works on a copy of it.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from . import figures, generator, machine, ours
from .figures import figure
from .generator import Held

CLIENTS = 100
EVENTS_A_RUN = 6
AT_ONCE = 500


def fill(data_dir: Path, threads: int, events: int) -> int:
    """Ask until so many events are stored in so many threads, each of a user of its own; how many."""
    runs_each = -(-events // (threads * EVENTS_A_RUN))
    stored = 0
    with ours.running(data_dir) as server:
        for first in range(0, threads, AT_ONCE):
            users = min(AT_ONCE, threads - first)
            load = {"connections": users, "replies": users * runs_each, "seconds": 600, "warmup": 0}
            stored += generator.run("wsload", **load, **server.words(users, first))["answered"] * EVENTS_A_RUN
            print(f"stored {stored:,} events", flush=True)
    return stored


def speed(data_dir: Path, others: int, seconds: float) -> float:
    """Golden runs a second on this data directory, with so many others connected."""
    with ours.running(data_dir) as server:
        held = Held(connections=others, patience=120, **server.arriving(others, first=CLIENTS)) if others else None
        try:
            done = generator.run("wsload", connections=CLIENTS, seconds=seconds, warmup=1, **server.words(CLIENTS))
        finally:
            if held is not None:
                held.close()
    return float(done["replies_per_s"])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks growth", description=__doc__)
    parser.add_argument("--threads", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--others", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args(arguments)
    machine.raise_file_limit(options.threads + 200)
    about = machine.describe()
    filled = ours.empty_data_dir("growth-filled")
    stored = fill(filled, options.threads, options.events)
    cases = {"empty": 0, "stored": 0, "stored, others connected": options.others}
    speeds: dict[str, list[float]] = {case: [] for case in cases}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", flush=True)
        for case, others in cases.items():
            data_dir = ours.empty_data_dir("growth")
            if case != "empty":
                shutil.copytree(filled, data_dir, dirs_exist_ok=True)
            speeds[case].append(speed(data_dir, others, options.seconds))
    results = {case: figure(rounds) for case, rounds in speeds.items()}
    ratio = results["stored, others connected"].over(results["empty"])
    figures.show(
        f"P4: {options.threads:,} threads, {stored:,} events stored, {options.others:,} others connected",
        ["case", "runs/s", "of empty"],
        [[case, result.shown(), result.over(results["empty"]).shown(2)] for case, result in results.items()],
    )
    goals = [["grown over empty", "≥ 0.95", ratio.shown(2), figures.met(ratio.median >= 0.95)]]
    figures.show("Goals", figures.GOAL_COLUMNS, goals)
    figures.finish("growth", about, {"stored_events": stored, "runs_per_s": speeds, "goals": goals})
    shutil.rmtree(filled)
