"""P3 by part: where the memory of an idle signed-in connection is, ours beside bare uvicorn's.

Each block that connections hold belongs to the innermost part of the server on the stack that took it (``tracemalloc``).
Resident memory, and the kernel's, are of servers that are not traced.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import contestants, figures, machine, ours
from .idle import PATIENCE, settled
from .server import free_port, resident_kib, serving

WARM = 100

PARTS: Mapping[str, tuple[str, ...]] = {
    "coroutines of the endpoint, between uvicorn and the connection": (
        "netra_backend/app/web/sockets/endpoint.py",
        "netra_backend/app/server/application.py",
        "benchmarks/peers/bare_uvicorn.py",
        "uvicorn/middleware/",
    ),
    "connection, its two halves, its place in the pool": (
        "netra_backend/app/websocket_core/connection.py",
        "netra_backend/app/websocket_core/incoming.py",
        "netra_backend/app/websocket_core/outgoing.py",
        "netra_backend/app/websocket_core/serial_queue.py",
        "netra_backend/app/websocket_core/websocket_connection_pool.py",
    ),
    "manager, session, outbox, rate": (
        "netra_backend/app/websocket_core/websocket_manager",
        "netra_backend/app/core/session.py",
        "netra_backend/app/core/outbox.py",
        "netra_backend/app/core/limits.py",
    ),
    "token, identity, the user's entry": (
        "netra_backend/app/services/",
        "netra_backend/app/core/ids.py",
        "netra_backend/app/core/identity.py",
    ),
    "our part of uvicorn's protocols": (
        "netra_backend/app/web/http/uvicorn_http.py",
        "netra_backend/app/web/sockets/uvicorn_websocket.py",
    ),
    "uvicorn's protocol: scope, its queue and events": ("uvicorn/protocols/",),
    "websockets: parser, request and answer": ("site-packages/websockets/",),
    "transport and callbacks (uvloop)": ("asyncio/runners.py",),
}
"""The parts of a server, and how the files of each are named."""
REST = "everything else"


def part_of(files: Iterable[str]) -> str:
    """The part that took a block: that of the innermost file on its stack which belongs to one."""
    for file in files:
        for part, names in PARTS.items():
            if any(name in file for name in names):
                return part
    return REST


def by_part(held: Iterable[tuple[list[str], int, int]], connections: int) -> dict[str, float]:
    """Bytes of one connection in each part; a part that holds nothing has 0."""
    taken: Counter[str] = Counter()
    for files, size, _ in held:
        taken[part_of(files)] += size
    return {part: taken[part] / connections for part in (*PARTS, REST)}


Words = Callable[[int, int], dict[str, Any]]
"""The generator's words for so many clients from a number on."""
Wrap = Callable[[list[str]], list[str]]


@contextmanager
def _serving(name: str, wrap: Wrap) -> Iterator[tuple[int, Words]]:
    port = free_port()
    data_dir = ours.empty_data_dir("idle-parts")
    signed_in = name == ours.NAME
    command = ours.command(port, data_dir) if signed_in else contestants.peers()[0].command(port)
    with serving(wrap(command), port, machine.WORKSHOP / "logs" / "idle-parts.log") as process:
        running = ours.Running(process, port, data_dir)
        yield process.pid, running.arriving if signed_in else lambda *_: {"port": port}


def weigh(name: str, count: int) -> tuple[float, float]:
    """KiB that one connection takes of resident memory, and of the kernel's (both ends of its socket)."""
    with _serving(name, list) as (pid, words), settled(WARM, words(WARM, count)):
        resident, kernel = resident_kib(pid), _kernel_kib()
        with settled(count, words(count, 0)):
            return (resident_kib(pid) - resident) / count, (_kernel_kib() - kernel) / count


def trace(name: str, count: int) -> dict[str, float]:
    """Bytes of one connection, by part."""
    report = machine.WORKSHOP / "traced.json"
    begun = report.with_suffix(".begun")
    for path in (report, begun):
        path.unlink(missing_ok=True)

    def traced(command: list[str]) -> list[str]:
        words = [word for word in command[1:] if word != "-m"]
        return [sys.executable, "-m", "benchmarks.traced_server", str(report), *words]

    with _serving(name, traced) as (pid, words), settled(WARM, words(WARM, count)):
        _ask_for(begun, pid)
        with settled(count, words(count, 0)):
            _ask_for(report, pid)
    return by_part(json.loads(report.read_text()), count)


def _ask_for(path: Path, pid: int) -> None:
    os.kill(pid, signal.SIGUSR1)
    until = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > until:
            raise RuntimeError(f"the traced server wrote no {path}")
        time.sleep(0.05)


def _kernel_kib() -> int:
    """What the kernel holds for itself, of the whole machine: so, of a quiet one only."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("SUnreclaim:"))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks idle_parts", description=__doc__)
    parser.add_argument("--connections", type=int, default=2_000)
    options = parser.parse_args(arguments)
    count = options.connections
    machine.raise_file_limit(count + WARM + 200)
    about = machine.describe()
    names = (ours.NAME, "bare uvicorn")
    parts, weights = {}, {}
    for name in names:
        print(f"{name}: traced, then not", flush=True)
        parts[name] = trace(name, count)
        weights[name] = weigh(name, count)
    rows = [[part, *(f"{parts[name][part] / 1024:.1f}" for name in names)] for part in (*PARTS, REST)]
    rows += [
        ["together", *(f"{sum(parts[name].values()) / 1024:.1f}" for name in names)],
        ["resident, not traced", *(f"{weights[name][0]:.1f}" for name in names)],
        ["the kernel's, both ends of the socket", *(f"{weights[name][1]:.1f}" for name in names)],
    ]
    figures.show(f"P3: KiB of one idle connection, of {count:,}", ["part", *names], rows)
    figures.finish("idle_parts", about, {"connections": count, "bytes_by_part": parts, "resident_and_kernel": weights})
