"""Figures of several rounds: medians, ratios and the noise between rounds; as a table and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from .machine import ROOT, WORKSHOP

GOAL_COLUMNS = ("goal", "asked", "measured", "met")


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity, measured once a round."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def noise(self) -> float:
        """The distance between the best and the worst round, as a share of the median."""
        return (max(self.rounds) - min(self.rounds)) / self.median if self.median else 0.0

    def over(self, other: Figure) -> Figure:
        """The ratio to ``other``, round by round, so that what slows both cancels out."""
        return Figure(tuple(a / b for a, b in zip(self.rounds, other.rounds, strict=True)))

    def shown(self, digits: int = 0) -> str:
        return f"{self.median:,.{digits}f} ±{self.noise / 2:.0%}"


def figure(rounds: Sequence[float]) -> Figure:
    """The figure of these rounds; at least one."""
    if not rounds:
        raise ValueError("a figure needs at least one round")
    return Figure(tuple(rounds))


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> None:
    """Print a table; the first column is text, the others are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", highlight=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(width=max(150, Console().width))
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)


def met(holds: bool) -> str:
    """The last column of a table of goals."""
    return "yes" if holds else "no"


def finish(name: str, machine: dict[str, Any], results: dict[str, Any]) -> None:
    """Write the results, and say where and on what machine they were taken."""
    path = write(name, machine, results)
    print(f"written to {path.relative_to(ROOT)}; {machine['processor']}, {machine['cores']} cores, ", end="")
    print(f"load before {machine['load_before']}, commit {machine['commit']}")
    if machine["load_before"] > machine["cores"] / 2:
        print(
            "Others were using this machine: runs a second and latencies say little; processor time of a run says more."
        )


def write(name: str, machine: dict[str, Any], results: dict[str, Any]) -> Path:
    """Write the results as JSON beside earlier ones; where to."""
    at = datetime.now(UTC)
    path = WORKSHOP / "results" / f"{name}-{at:%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"benchmark": name, "at": at.isoformat(), "machine": machine, "results": results}, indent=1)
    )
    return path
