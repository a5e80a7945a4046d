"""``python -m test_framework.chaos``: a real server on a bad day, and whether it kept its promises. Exits 1 if not."""

from __future__ import annotations

import argparse
import asyncio
import resource
import secrets
import sys
import tempfile
import time
from pathlib import Path

from .fault_injection import KINDS as STRIKES
from .fault_injection import counts_for
from .fleet_scenario import FleetPlight, endure_fleet
from .judge import KINDS
from .scenario import Outcome, Plight, endure
from .slow_reader import compare


def main() -> int:
    """Hold the scenario and print a table; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m test_framework.chaos", description=__doc__)
    parser.add_argument("--clients", type=int, default=500, help="devices, two of each user")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long, where nothing is killed")
    parser.add_argument("--cuts", action="store_true", help="cut clients off at random")
    parser.add_argument("--kills", type=int, default=0, help="kill -9 the server at random moments, so many times")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between a client's requests, on average")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--slow-reader", action="store_true", help="instead: a neighbour's latency beside one")
    parser.add_argument("--fleet", type=int, default=0, help="instead: so many processes on PostgreSQL and Valkey")
    parser.add_argument("--times", type=int, default=20, help="with --fleet: how often most kinds of faults are done")
    parser.add_argument("--only", default=",".join(STRIKES), help="with --fleet: the kinds, by comma")
    parser.add_argument("--keep", type=Path, help="with --fleet: the directory for the servers' logs")
    parser.add_argument("--takeovers", type=int, default=0, help="with --fleet, instead: measure so many takeovers")
    given = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="netra-chaos-") as place:
        if given.slow_reader:
            asyncio.run(compare(Path(place), _say))
            return 0
        if given.fleet and given.takeovers:
            return _takeovers(Path(place), given)
        if given.fleet:
            return _fleet(Path(place), given)
        plight = Plight(given.clients, given.seconds, given.kills, given.cuts, given.pause)
        _say(f"seed {given.seed}: {plight}")
        began = time.monotonic()
        outcome = asyncio.run(endure(Path(place), plight, given.seed, _say))
    _say(table(outcome, time.monotonic() - began, given.seed))
    return 1 if outcome.broken else 0


def _takeovers(place: Path, given: argparse.Namespace) -> int:
    from .takeover import measure_takeovers

    measured = asyncio.run(measure_takeovers(place, given.fleet, given.takeovers, given.takeovers, given.seed, _say))
    for words, taken in measured.rows():
        if taken:
            ordered = sorted(taken)
            middle, most = ordered[len(ordered) // 2], ordered[-1]
            _say(f"{words:<44}{len(taken):>4} times, median {middle:8.3f} s, longest {most:8.3f} s")
    for each in measured.broken:
        _say(f"  {each}")
    _say(f"seed {given.seed}: {'BROKEN' if measured.broken else 'every run went on'}")
    return 1 if measured.broken else 0


def _fleet(place: Path, given: argparse.Namespace) -> int:
    kinds = given.only.split(",")
    if unknown := set(kinds) - STRIKES.keys():
        raise SystemExit(f"--only knows {', '.join(STRIKES)}; not {', '.join(sorted(unknown))}")
    counts = {kind: count for kind, count in counts_for(given.times).items() if kind in kinds}
    plight = FleetPlight(given.fleet, given.clients, given.pause, counts)
    _say(f"seed {given.seed}: {plight}")
    began = time.monotonic()
    outcome = asyncio.run(endure_fleet(place, plight, given.seed, _say, keep=given.keep))
    _say(table(outcome, time.monotonic() - began, given.seed))
    return 1 if outcome.broken else 0


def table(outcome: Outcome, seconds: float, seed: int) -> str:
    """The outcome for people."""
    rows = [*outcome.counts.items(), *((words, outcome.of_kind(kind)) for kind, words in KINDS.items())]
    lines = [f"{words:<44}{count:>10}" for words, count in rows]
    lines += [
        f"{'seconds, with the rest after it':<44}{seconds:>10.0f}",
        *(f"  {each}" for each in outcome.broken[:20]),
    ]
    return "\n".join([*lines, f"seed {seed}: {'BROKEN' if outcome.broken else 'every promise was kept'}"])


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
