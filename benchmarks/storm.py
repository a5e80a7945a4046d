"""P6: ten thousand clients are cut at once and come back, each resuming its thread, while a bystander goes on asking."""

from __future__ import annotations

import argparse
import json

from . import figures, generator, machine, ours
from .figures import figure
from .generator import Held

BYSTANDERS = 20
BYSTANDER_RATE = 50
BYSTANDER_SECONDS = 30
RESUME = json.dumps({"type": "resume", "positions": {}})


def storm(clients: int) -> dict[str, float]:
    """One storm: seconds until everybody is live again, the slowest, and what a bystander's requests took meanwhile."""
    with ours.running(ours.empty_data_dir("storm")) as server:
        words = server.words(clients)
        generator.run("wsload", connections=clients, replies=clients, seconds=600, warmup=0, patience=120, **words)
        held = Held(
            connections=clients,
            patience=120,
            window=512,
            again=RESUME,
            resumed='{"type":"live"',
            **server.arriving(clients),
        )
        asking = {"mode": "paced", "rate": BYSTANDER_RATE, "connections": BYSTANDERS, "seconds": BYSTANDER_SECONDS}
        bystander = generator.start("wsload", warmup=1, **asking, **server.words(BYSTANDERS, first=clients))
        try:
            back = held.cut_and_return()
        finally:
            reply = generator.finish(bystander)["reply"]
            held.close()
    return {
        "seconds": back["seconds"],
        "each_p50_ms": back["each"]["p50_us"] / 1000,
        "each_p99_ms": back["each"]["p99_us"] / 1000,
        "bystander_p50_ms": reply["p50_us"] / 1000,
        "bystander_p99_ms": reply["p99_us"] / 1000,
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks storm", description=__doc__)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    machine.raise_file_limit(options.clients + 200)
    about = machine.describe()
    storms = []
    for number in range(options.rounds):
        print(f"storm {number + 1} of {options.rounds}", flush=True)
        storms.append(storm(options.clients))
    results = {key: figure([one[key] for one in storms]) for key in storms[0]}
    figures.show(
        f"P6: {options.clients:,} clients cut at once",
        ["figure", "median"],
        [[key.replace("_", " "), result.shown(2)] for key, result in results.items()],
        [
            f"{BYSTANDERS} bystanders ask {BYSTANDER_RATE} times a second in all, for {BYSTANDER_SECONDS} s around the storm."
        ],
    )
    back, bystander = results["seconds"], results["bystander_p99_ms"]
    goals = [
        ["all resumed", "≤ 30 s", f"{back.shown(1)} s", figures.met(back.median <= 30)],
        ["a bystander's p99", "≤ 500 ms", f"{bystander.shown()} ms", figures.met(bystander.median <= 500)],
    ]
    figures.show("Goals", figures.GOAL_COLUMNS, goals)
    figures.finish("storm", about, {"storms": storms, "goals": goals})
