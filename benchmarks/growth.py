"""P4: golden runs with ten thousand threads and a million events stored and five thousand others connected, over empty.

The store is filled through the front door, by asking; each round works on a copy of it.
"""

from __future__ import annotations

import argparse
import shutil

from . import figures, machine, ours
from .figures import figure
from .stored import ask, copied, fill

CLIENTS = 100


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
            data_dir = ours.empty_data_dir("growth") if case == "empty" else copied(filled, "growth")
            speeds[case].append(ask(data_dir, CLIENTS, options.seconds, others=others).runs_per_s)
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
