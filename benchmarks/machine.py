"""The machine that a figure belongs to: processor, system, versions, commit, load, and what a sync of its disk costs."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WORKSHOP = ROOT / "var" / "bench"
"""Where generators are compiled, servers keep their data, and results are written; git ignores it."""

SHIPPED = ("uvicorn", "uvloop", "httptools", "websockets", "starlette", "msgspec")


def describe() -> dict[str, Any]:
    """What a reader needs to judge the figures."""
    return {
        "commit": _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "versions": {name: version(name) for name in SHIPPED},
        "load_before": round(os.getloadavg()[0], 2),
        "fsync_us": fsync_cost(),
    }


def cores() -> tuple[int | None, int | None]:
    """The core of the server and the core of the generator; ``None`` where they cannot have one each."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else (None, None)


def pinned(core: int | None, command: list[str]) -> list[str]:
    """``command``, tied to one core where the system can do that."""
    return command if core is None else ["taskset", "--cpu-list", str(core), *command]


def raise_file_limit(needed: int) -> int:
    """Let this process, and those that it starts, open as many files as the system allows; how many.

    Raises ``SystemExit`` where that is less than ``needed``, with what to do.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < needed:
        raise SystemExit(
            f"{needed} open files are needed and {hard} allowed: ulimit -Hn {needed} (as root), then again."
        )
    return hard


def fsync_cost(count: int = 200) -> dict[str, float]:
    """Microseconds that an append of 4 KiB and its ``fdatasync`` take on the disk of the workshop: p50 and p99."""
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    path = WORKSHOP / "fsync.bin"
    costs = []
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    try:
        for _ in range(count):
            start = time.perf_counter_ns()
            os.write(descriptor, b"\0" * 4096)
            os.fdatasync(descriptor)
            costs.append((time.perf_counter_ns() - start) / 1000)
    finally:
        os.close(descriptor)
        path.unlink()
    cuts = statistics.quantiles(costs, n=100)
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
