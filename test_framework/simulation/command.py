"""``netra simulate``: the simulation from the command line."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Annotated

import typer

from .safeguards import FLEET_SAFEGUARDS, SAFEGUARDS
from .schedule import make_fleet_schedule, make_schedule
from .simulating import Verdict, sweep, told


def add_commands(app: typer.Typer) -> None:
    """What the entry-point group ``netra.commands`` asks for."""
    app.command()(simulate)


def simulate(
    seed: Annotated[
        int, typer.Option(help="The first seed; the same seed always gives the same schedule and the same result.")
    ],
    seeds: Annotated[int, typer.Option(help="The number of seeds to run, one after the other.", min=1)] = 1,
    without: Annotated[
        str | None,
        typer.Option(
            help=f"Remove a safeguard, to see that its absence is found: {', '.join((*SAFEGUARDS, *FLEET_SAFEGUARDS))}."
        ),
    ] = None,
    fleet: Annotated[
        bool, typer.Option(help="Simulate several processes, connected by links that lose messages.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run users, disconnects, restarts and failures against a simulated server, and check its promises.

    Exits with 0 if every promise was kept, and with 1 if one was broken; then it shows the first failure, with the shortest
    schedule found.
    """
    known = {**SAFEGUARDS, **FLEET_SAFEGUARDS}
    if without is not None and without not in known:
        raise typer.BadParameter(f"choose one of {', '.join(known)}", param_hint="--without")
    failures: list[Verdict] = []
    with known[without]() if without is not None else nullcontext():
        make = make_fleet_schedule if fleet else make_schedule
        count = sweep(range(seed, seed + seeds), failures.append, make)
        if json_:
            broken = {str(verdict.schedule.seed): verdict.broken for verdict in failures}
            typer.echo(json.dumps({"seeds": count, "failed": len(failures), "broken": broken}))
        else:
            for verdict in failures[:1]:
                typer.echo(told(verdict))
            others = ", ".join(str(verdict.schedule.seed) for verdict in failures[1:20])
            typer.echo(f"{count} seeds, {len(failures)} broke a promise" + (f"; also {others}" if others else ""))
    raise typer.Exit(1 if failures else 0)
