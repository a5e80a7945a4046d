"""Instructions of one golden run, counted by callgrind: the one figure that a busy machine leaves alone.

Each server is run twice, with few runs and with many; the difference is what runs cost, without the start. The kernel's
share (system calls, the disk) is not in it. Slow: minutes. Needs valgrind.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from typing import Any

from . import contestants, figures, generator, machine, ours, server

CONNECTIONS = 20
FEW, MANY = 300, 1300
LOG = machine.WORKSHOP / "logs" / "callgrind.log"
_COLLECTED = re.compile(r"Collected : (\d+)")

Serve = Callable[[int], tuple[list[str], Callable[[subprocess.Popen[bytes]], dict[str, Any]]]]


def _ours(port: int) -> tuple[list[str], Callable[[subprocess.Popen[bytes]], dict[str, Any]]]:
    data_dir = ours.empty_data_dir("instructions")
    return ours.command(port, data_dir), lambda process: ours.Running(process, port, data_dir).words(CONNECTIONS)


def _bare(port: int) -> tuple[list[str], Callable[[subprocess.Popen[bytes]], dict[str, Any]]]:
    peer = contestants.peers()[0]
    return peer.command(port), lambda _: {"port": port, **peer.asking}


def counted(serve: Serve, replies: int) -> tuple[int, int]:
    """How many runs were answered, and how many instructions the server took from its start to its end."""
    port = server.free_port()
    command, words = serve(port)
    out = machine.WORKSHOP / "callgrind.out"
    under = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command]
    with server.serving(under, port, LOG, patience=600) as process:
        load = {"connections": CONNECTIONS, "replies": replies, "seconds": 600, "warmup": 0}
        answered = generator.run("wsload", **load, **words(process))["answered"]
        process.send_signal(signal.SIGINT)
        process.wait(120)
    found = _COLLECTED.search(LOG.read_text())
    if found is None:
        raise RuntimeError(f"callgrind counted nothing; see {LOG}")
    return answered, int(found[1])


def per_run(serve: Serve) -> float:
    """Instructions of one run."""
    (few, before), (many, after) = counted(serve, FEW), counted(serve, MANY)
    return (after - before) / (many - few)


def main(arguments: list[str] | None = None) -> None:
    argparse.ArgumentParser(prog="python -m benchmarks instructions", description=__doc__).parse_args(arguments)
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is needed: apt-get install valgrind")
    about = machine.describe()
    results: dict[str, float] = {}
    for name, serve in ((ours.NAME, _ours), ("bare uvicorn, no work", _bare)):
        print(f"counting {name}", flush=True)
        results[name] = per_run(serve)
    figures.show(
        "Instructions of one golden run, without the kernel's",
        ["system", "instructions a run"],
        [[name, f"{count:,.0f}"] for name, count in results.items()],
    )
    figures.finish("instructions", about, results)
