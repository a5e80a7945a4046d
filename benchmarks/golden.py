"""P1 and P2: golden runs a second, and the first event for one client, ours beside its peers in the same run.

A golden run: a request, six or seven frames out, one tool called. All take turns on the same core with the same generator
on the other; figures are medians over rounds, and ratios are taken within a round, so that what slows the machine slows both.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import contestants, figures, generator, machine, ours
from .figures import Figure, figure
from .server import cpu_seconds

CLIENTS = 100
LATENCY_RATE = 50


Words = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Contestant:
    """Someone who is measured."""

    name: str
    guarantees: str
    generator: str
    serving: Callable[[], AbstractContextManager[tuple[int, Words]]]
    """Serves until its block ends; gives the id of the process, and what makes the generator's words for one load."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one contestant did in one round."""

    runs_per_s: float
    cpu_us: float
    """Processor time of the server for one run: what is left of the figure when others use the machine too."""
    first_p50_us: float
    first_p99_us: float
    generator_share: float


@contextmanager
def _ours() -> Iterator[tuple[int, Words]]:
    with ours.running(ours.empty_data_dir("golden")) as server:
        yield server.process.pid, partial(server.words, CLIENTS)


@contextmanager
def _peer(peer: contestants.Peer) -> Iterator[tuple[int, Words]]:
    with peer.serving() as (pid, words):
        yield pid, lambda: words


def everyone(without_peers: bool) -> list[Contestant]:
    """Us, the yardstick, and the other peers."""
    peers = contestants.peers()
    return [
        Contestant(ours.NAME, ours.GUARANTEES, "wsload", _ours),
        *(
            Contestant(peer.name, peer.guarantees, peer.generator, partial(_peer, peer))
            for peer in (peers[:1] if without_peers else peers)
        ),
    ]


def measure(contestant: Contestant, seconds: float) -> Round:
    """One round of one contestant: many clients at once, then one alone."""
    with contestant.serving() as (pid, words):
        before = cpu_seconds(pid)
        crowd = generator.run(contestant.generator, connections=CLIENTS, seconds=seconds, warmup=1, **words())
        cpu_us = (cpu_seconds(pid) - before) / crowd["answered"] * 1e6
        if contestant.generator == "wsload":
            pace = {"mode": "paced", "rate": LATENCY_RATE}
            alone = generator.run("wsload", connections=1, seconds=2 * seconds, warmup=0.5, **pace, **words())
        else:
            alone = generator.run(contestant.generator, connections=1, seconds=seconds, warmup=1.5, **words())
    return Round(
        crowd["replies_per_s"],
        cpu_us,
        alone["first"]["p50_us"],
        alone["first"]["p99_us"],
        crowd["cpu_share"],
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks golden", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--without-peers", action="store_true", help="only us and bare uvicorn")
    options = parser.parse_args(arguments)
    if not options.without_peers:
        contestants.install_peers()
    about = machine.describe()
    field = everyone(options.without_peers)
    rounds: dict[str, list[Round]] = {contestant.name: [] for contestant in field}
    syncs = []
    for number in range(options.rounds):
        syncs.append(machine.fsync_cost())
        for contestant in field:
            print(f"round {number + 1} of {options.rounds}: {contestant.name}", flush=True)
            rounds[contestant.name].append(measure(contestant, options.seconds))
    _report(about, field, rounds, syncs)


def _report(
    about: dict[str, Any], field: list[Contestant], rounds: dict[str, list[Round]], syncs: list[dict[str, float]]
) -> None:
    speed = {name: figure([one.runs_per_s for one in each]) for name, each in rounds.items()}
    cpu = {name: figure([one.cpu_us for one in each]) for name, each in rounds.items()}
    p50 = {name: figure([one.first_p50_us for one in each]) for name, each in rounds.items()}
    p99 = {name: figure([one.first_p99_us for one in each]) for name, each in rounds.items()}
    us = speed[ours.NAME]
    figures.show(
        f"P1 and P2: golden runs, {CLIENTS} clients in closed loop; first event, one client at {LATENCY_RATE} a second",
        ["system", "runs/s", "ours : it", "cpu a run", "first event p50", "p99", "generator", "guarantees"],
        [
            [
                one.name,
                speed[one.name].shown(),
                "1" if one.name == ours.NAME else f"{us.over(speed[one.name]).median:.2f}",
                f"{cpu[one.name].median:,.0f} µs",
                f"{p50[one.name].median / 1000:.2f} ms",
                f"{p99[one.name].median / 1000:.2f} ms",
                f"{max(each.generator_share for each in rounds[one.name]):.0%}",
                one.guarantees,
            ]
            for one in field
        ],
        ["± is half the distance between the best and the worst round; the generator's share is of its own core."],
    )
    sync = figure([one["p50"] for one in syncs]), figure([one["p99"] for one in syncs])
    goals = judge(field, speed, (p50[ours.NAME], p99[ours.NAME]), sync)
    figures.show("Goals", figures.GOAL_COLUMNS, goals)
    figures.finish(
        "golden",
        about,
        {
            "clients": CLIENTS,
            "fsync_us": syncs,
            "rounds": {
                name: [{slot: getattr(one, slot) for slot in Round.__slots__} for one in each]
                for name, each in rounds.items()
            },
            "goals": goals,
        },
    )


def judge(
    field: list[Contestant], speed: dict[str, Figure], first: tuple[Figure, Figure], sync: tuple[Figure, Figure]
) -> list[list[str]]:
    """The rows of the goals: what was asked, what was measured, whether it is met. ``first`` and ``sync``: p50, p99 in µs."""
    us = speed[ours.NAME]
    yardstick = max((one.name for one in field if one.name.startswith("bare")), key=lambda name: speed[name].median)
    asked = [(f"P1: of {yardstick}", yardstick, 0.5)]
    servers = [one.name for one in field if one.generator == "httpload"]
    if servers:
        best = max(servers, key=lambda name: speed[name].median)
        asked.append(("P1: over python-socketio's bare handler", "python-socketio, bare handler", 6.0))
        asked.append((f"P1: over the best agent server ({best})", best, 30.0))
    rows = []
    for goal, name, least in asked:
        ratio = us.over(speed[name])
        rows.append([goal, f"≥ {least:g} ×", f"{ratio.shown(2)} ×", figures.met(ratio.median >= least)])
    for share, ours_us, sync_us, most_ms in zip(("p50", "p99"), first, sync, (1.0, 5.0), strict=True):
        above = max(0.0, ours_us.median - sync_us.median) / 1000
        measured = f"{above:.2f} ms + sync {sync_us.median / 1000:.2f} ms"
        quiet = sync_us.median / 1000 < most_ms
        verdict = figures.met(above <= most_ms) if quiet else "disk too busy"
        rows.append([f"P2: first event {share}, above one sync", f"≤ {most_ms:g} ms", measured, verdict])
    return rows
