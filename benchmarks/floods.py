"""R8: what a signed-in neighbour's requests take while each flood goes on (``test_framework.floods``)."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any

from test_framework.floods import FLOODS, Flood
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers
from test_framework.websocket_client import websocket_client

from . import figures, machine, ours, server

GOAL_MS = 250
QUIET = "nothing"


async def neighbour(process: ServerProcess, seconds: float) -> dict[str, float]:
    """What each golden run of a neighbour takes, in milliseconds, one after the other for so long."""
    user = LocalUsers(process.data_dir).make("neighbour@example.org")
    taken: list[float] = []
    async with websocket_client(process.websocket_url, user.token) as client:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            began = time.perf_counter()
            frames = await client.run_agent("echo", "hello")
            taken.append((time.perf_counter() - began) * 1000)
            assert frames[-1]["type"] == "agent_completed", frames[-1]
            await asyncio.sleep(0.005)
    taken.sort()
    return {
        "runs": len(taken),
        "p50_ms": taken[len(taken) // 2],
        "p99_ms": taken[min(len(taken) - 1, len(taken) * 99 // 100)],
        "max_ms": taken[-1],
    }


async def under(name: str, process: ServerProcess, seconds: float) -> dict[str, float]:
    """The neighbour's figures under one flood, and what the server holds at its end."""
    if name == QUIET:
        result = await neighbour(process, seconds)
    else:
        async with Flood(name, process.url, process.data_dir):
            result = await neighbour(process, seconds)
            result["files"] = server.descriptors(process.process.pid)
    result["resident_mib"] = server.resident_kib(process.process.pid) / 1024
    return result


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks floods", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--only", nargs="*", choices=tuple(FLOODS), default=tuple(FLOODS))
    options = parser.parse_args(arguments)
    machine.raise_file_limit(4_000)
    about = machine.describe()
    results: dict[str, dict[str, Any]] = {}
    for name in (QUIET, *options.only):
        print(f"{name}, {options.seconds:g} s", flush=True)
        data_dir: Path = ours.empty_data_dir("floods") / "data"
        with ServerProcess(data_dir, app="test_framework.echo", workers=1) as process:
            results[name] = asyncio.run(under(name, process, options.seconds))
    figures.show(
        "R8: a signed-in neighbour under each flood",
        ["flood", "runs", "p50 ms", "p99 ms", "longest ms", "server MiB"],
        [
            [
                name.replace("_", " "),
                f"{each['runs']:,}",
                f"{each['p50_ms']:.1f}",
                f"{each['p99_ms']:.1f}",
                f"{each['max_ms']:.1f}",
                f"{each['resident_mib']:.0f}",
            ]
            for name, each in results.items()
        ],
        ["One server process each; flood, neighbour and server share the machine's cores."],
    )
    worst = max(each["p99_ms"] for each in results.values())
    goals = [["the neighbour's p99", f"≤ {GOAL_MS} ms", f"{worst:.0f} ms", figures.met(worst <= GOAL_MS)]]
    figures.show("Goals", figures.GOAL_COLUMNS, goals)
    figures.finish("floods", about, {"floods": results, "goals": goals})
