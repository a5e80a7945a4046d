"""Servers with something stored: filled through the front door, by asking, and asked for golden runs on a copy."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import generator, ours
from .generator import Held

EVENTS_A_RUN = 6
AT_ONCE = 500
USER_RATE = 900
"""Requests a second that one user may make for long: a little below the server's limit."""
FEW = 10
"""So few users would ask more often than that in closed loop."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a server did for clients that asked in closed loop."""

    runs_per_s: float
    cpu_us: float
    """Processor time of the server for one run: what is left of the figure when others use the machine too."""
    first_p50_us: float
    first_p99_us: float
    generator_share: float


def fill(data_dir: Path, threads: int, events: int) -> int:
    """Ask until at least so many more events are stored in so many threads, each of a user of its own; how many came in."""
    runs_each = -(-events // (threads * EVENTS_A_RUN))
    stored = 0
    with ours.running(data_dir) as server:
        for first in range(0, threads, AT_ONCE):
            users = min(AT_ONCE, threads - first)
            load = {"connections": users, "replies": users * runs_each, "seconds": 600, "warmup": 0}
            pace = {"mode": "paced", "rate": users * USER_RATE} if users < FEW else {"mode": "closed"}
            stored += generator.run("wsload", **load, **pace, **server.words(users, first))["answered"] * EVENTS_A_RUN
    print(f"stored {stored:,} events in {threads:,} threads", flush=True)
    return stored


def copied(filled: Path, name: str) -> Path:
    """A copy of a filled data directory that the disk has taken: what is still to be written would slow the syncs of a load."""
    data_dir = ours.empty_data_dir(name)
    shutil.copytree(filled, data_dir, dirs_exist_ok=True)
    os.sync()
    return data_dir


def ask(data_dir: Path, clients: int, seconds: float, *, others: int = 0) -> Asked:
    """Golden runs on this data directory, by clients that ask in the first of its threads (new ones where there are fewer),
    beside so many others that are connected and silent."""
    with ours.running(data_dir) as server:
        held = Held(connections=others, patience=120, **server.arriving(others, first=clients)) if others else None
        try:
            load = {"connections": clients, "seconds": seconds, "warmup": 1, "server": server.process.pid}
            done = generator.run("wsload", **load, **server.words(clients))
        finally:
            if held is not None:
                held.close()
    return Asked(
        runs_per_s=done["replies_per_s"],
        cpu_us=done["server_cpu_s"] / done["replies"] * 1e6,
        first_p50_us=done["first"]["p50_us"],
        first_p99_us=done["first"]["p99_us"],
        generator_share=done["cpu_share"],
    )
