"""P4 as curves: golden runs by 1 to 1,000 connections, over 1,000 to 1,000,000 events, over 1 to 10,000 threads stored.

One thing grows, the others stand: 100 connections ask where they do not grow; the events are stored in 100 threads, the
threads hold as many events together. Stores are filled through the front door; every round works on copies of them.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from . import figures, machine, ours
from .figures import Figure, figure
from .plot import Line, Row, picture
from .stored import EVENTS_A_RUN, Asked, ask, copied, fill

CLIENTS = 100
THREADS = 100
EVENTS_OF_THREADS = 10_000 * EVENTS_A_RUN
"""So many events are stored whatever the number of threads: one run in each of the most."""
NAMES = {"connections": "connections asking", "events": "events stored", "threads": "threads stored"}

PeriodicTasks = Mapping[str, Mapping[int, Sequence[Asked]]]
"""What was measured: for each curve, at each of its points, once a round."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a curve: how much of what grows, who asks, and on a copy of which store (``None``: on an empty one)."""

    curve: str
    size: int
    clients: int = CLIENTS
    filled: Path | None = None


def stores_of_events(sizes: Sequence[int]) -> list[Point]:
    """Stores with more and more events, each grown from the one before."""
    growing, stored, points = ours.empty_data_dir("curves-events"), 0, []
    for size in sorted(sizes):
        if size > stored:
            stored += fill(growing, THREADS, size - stored)
        points.append(Point("events", size, filled=copied(growing, f"curves-events-{size}")))
    shutil.rmtree(growing)
    return points


def stores_of_threads(sizes: Sequence[int]) -> list[Point]:
    """Stores with more and more threads, and as many events in each store."""
    points = []
    for size in sorted(sizes):
        filled = ours.empty_data_dir(f"curves-threads-{size}")
        fill(filled, size, EVENTS_OF_THREADS)
        points.append(Point("threads", size, filled=filled))
    return points


def measure(points: Sequence[Point], rounds: int, seconds: float) -> PeriodicTasks:
    """All points in turns; every other round backwards, so that a machine that gets slower bends no curve."""
    measured: dict[str, dict[int, list[Asked]]] = {}
    for point in points:
        measured.setdefault(point.curve, {})[point.size] = []
    for number in range(rounds):
        for point in points if number % 2 == 0 else reversed(points):
            data_dir = ours.empty_data_dir("curves") if point.filled is None else copied(point.filled, "curves")
            asked = ask(data_dir, point.clients, seconds)
            measured[point.curve][point.size].append(asked)
            print(
                f"round {number + 1} of {rounds}: {point.size:,} {NAMES[point.curve]}: {asked.runs_per_s:,.0f} runs/s",
                flush=True,
            )
    return measured


def over_rounds(asked: Sequence[Asked], quantity: str) -> Figure:
    """One quantity at one point."""
    return figure([getattr(one, quantity) for one in asked])


def show(measured: PeriodicTasks) -> None:
    """Print a table for each curve."""
    for curve, points in measured.items():
        first = over_rounds(next(iter(points.values())), "runs_per_s")
        rows = []
        for size, asked in points.items():
            of = partial(over_rounds, asked)
            rows.append(
                [
                    f"{size:,}",
                    of("runs_per_s").shown(),
                    of("runs_per_s").over(first).shown(2),
                    of("cpu_us").shown(),
                    f"{of('first_p50_us').median / 1000:.2f} ms",
                    f"{of('first_p99_us').median / 1000:.2f} ms",
                    f"{max(one.generator_share for one in asked):.0%}",
                ]
            )
        columns = [NAMES[curve], "runs/s", "of the first", "cpu µs a run", "first event p50", "p99", "generator"]
        figures.show(f"P4: golden runs as {NAMES[curve]} grow", columns, rows)
    print(
        f"First events wait for those of all {CLIENTS} clients that ask at once; alone: `python -m benchmarks golden`."
    )


def drawn(measured: PeriodicTasks, about: Mapping[str, Any]) -> str:
    """The curves as an SVG file."""

    def line(curve: str, quantity: str, name: str = "", unit: float = 1.0) -> Line:
        points = [(size, over_rounds(asked, quantity)) for size, asked in measured[curve].items()]
        return Line(name, [(size, Figure(tuple(value / unit for value in one.rounds))) for size, one in points])

    rounds = len(next(iter(next(iter(measured.values())).values())))
    return picture(
        "Golden runs as one thing grows",
        f"Medians of {rounds} rounds in turns, bars from the worst to the best; {CLIENTS} connections ask where they do not "
        f"grow; commit {about['commit']}",
        [NAMES[curve] for curve in measured],
        [
            Row("golden runs a second", [[line(curve, "runs_per_s")] for curve in measured]),
            Row("processor time of the server for one run, µs", [[line(curve, "cpu_us")] for curve in measured]),
            Row(
                "first event while all ask, ms",
                [
                    [line(curve, "first_p50_us", "p50", 1000), line(curve, "first_p99_us", "p99", 1000)]
                    for curve in measured
                ],
                digits=1,
                by_decades=True,
            ),
        ],
    )


def read(path: Path) -> tuple[PeriodicTasks, dict[str, Any]]:
    """What an earlier measurement wrote: what was measured, and the machine."""
    written = json.loads(path.read_text())
    curves = written["results"]["curves"]
    return {
        curve: {int(size): [Asked(**one) for one in asked] for size, asked in points.items()}
        for curve, points in curves.items()
    }, written["machine"]


def sizes(words: str) -> list[int]:
    """Sizes as they are given on the command line: ``1,10,100``; at least one, each at least 1, in order, each once."""
    numbers = sorted({int(word) for word in words.split(",")})
    if numbers[0] < 1:
        raise ValueError(words)
    return numbers


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks curves", description=__doc__)
    parser.add_argument("--connections", type=sizes, default="1,10,100,1000")
    parser.add_argument("--events", type=sizes, default="1000,10000,100000,1000000")
    parser.add_argument("--threads", type=sizes, default="1,10,100,1000,10000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--seconds",
        type=float,
        default=2.5,
        help="of each measurement; in more, one quick client may meet its rate limit",
    )
    parser.add_argument("--plot", type=Path, default=machine.WORKSHOP / "results" / "curves.svg", help="where to draw")
    parser.add_argument("--again", type=Path, help="measure nothing: show and draw what this file of results holds")
    options = parser.parse_args(arguments)
    if options.again is not None:
        measured, about = read(options.again)
        show(measured)
    else:
        machine.raise_file_limit(max(options.connections) + 200)
        about = machine.describe()
        points = [Point("connections", size, clients=size) for size in options.connections]
        points += stores_of_events(options.events) + stores_of_threads(options.threads)
        measured = measure(points, options.rounds, options.seconds)
        show(measured)
        curves = {
            curve: {size: [asdict(one) for one in asked] for size, asked in by_size.items()}
            for curve, by_size in measured.items()
        }
        figures.finish("curves", about, {"seconds": options.seconds, "curves": curves})
        for point in points:
            if point.filled is not None:
                shutil.rmtree(point.filled)
    options.plot.parent.mkdir(parents=True, exist_ok=True)
    options.plot.write_text(drawn(measured, about), encoding="utf-8")
    print(f"drawn to {options.plot}")
