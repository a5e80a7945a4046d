"""A long soak: load, connections that come and go, then quiet: descriptors and memory are back where they were."""

from __future__ import annotations

import argparse
import time

from . import figures, generator, machine, ours
from .generator import Held
from .server import cpu_seconds, descriptors, resident_kib

CLIENTS = 20
RATE = 500
COMING_AND_GOING = 500
WARM_AFTER = 50_000


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    options = parser.parse_args(arguments)
    machine.raise_file_limit(2 * COMING_AND_GOING)
    about = machine.describe()
    samples: list[dict[str, float]] = []
    with ours.running(ours.empty_data_dir("soak")) as server:
        pid = server.process.pid

        def sample(phase: str, runs: float) -> None:
            samples.append(
                {
                    "minute": round((time.monotonic() - began) / 60, 2),
                    "runs": runs,
                    "resident_mib": resident_kib(pid) / 1024,
                    "descriptors": descriptors(pid),
                    "cpu_s": cpu_seconds(pid),
                }
            )
            print(f"{phase}: {samples[-1]}", flush=True)

        began = time.monotonic()
        sample("before", 0)
        cycle, runs = 0, 0.0
        warm: dict[str, float] | None = None
        while time.monotonic() - began < options.minutes * 60:
            words = server.words(CLIENTS)
            held = Held(connections=COMING_AND_GOING, **server.arriving(COMING_AND_GOING, first=CLIENTS))
            done = generator.run("wsload", mode="paced", rate=RATE, connections=CLIENTS, seconds=25, warmup=0, **words)
            held.cut_and_return()
            held.close()
            runs += done["replies"]
            cycle += 1
            if runs >= WARM_AFTER and warm is None:
                sample("warm", runs)
                warm = samples[-1]
            elif cycle % 4 == 0:
                sample("under load", runs)
        time.sleep(5)
        sample("quiet", runs)
    quiet = samples[-1]
    if warm is None:
        raise SystemExit(
            f"Too short: memory is compared from {WARM_AFTER:,} runs on, when every cache has had its fill."
        )
    figures.show(
        f"Soak of {options.minutes:g} minutes: {RATE} runs a second, {COMING_AND_GOING} connections that come and go",
        ["minute", "runs", "resident MiB", "descriptors", "cpu s"],
        [[f"{one[key]:,.1f}" for key in ("minute", "runs", "resident_mib", "descriptors", "cpu_s")] for one in samples],
    )
    grown = quiet["resident_mib"] - warm["resident_mib"]
    goals = [
        ["descriptors back", f"≤ {warm['descriptors']:.0f}", f"{quiet['descriptors']:.0f}",
         figures.met(quiet["descriptors"] <= warm["descriptors"])],
        ["memory since warm", "≤ 10 MiB", f"{grown:.1f} MiB", figures.met(grown <= 10)],
    ]  # fmt: skip
    figures.show("Goals", figures.GOAL_COLUMNS, goals)
    figures.finish("soak", about, {"samples": samples, "goals": goals})
