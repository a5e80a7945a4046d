"""P8: from starting the program to the first answer of the main job, packages installed, on a data directory with data."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from . import figures, machine, ours
from .figures import figure

NETRA = Path(sys.executable).with_name("netra")
TRACE = machine.ROOT.parent / "shared" / "data" / "tracelab" / "example_sessions_sanitized_round_trace.jsonl"
USER = "user-00000"
ASKED = {"type": "execute_agent", "agent": "cost_optimizer", "message": "Where does my money go, and where can I cut?"}


def start_and_ask(data_dir: Path) -> dict[str, float]:
    """Seconds from the start until ready, until the first event, and until the whole answer."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(NETRA), "serve", "--port", "0", "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        reached = {"ready": time.perf_counter() - began}
        address = ready["url"].replace("http", "ws", 1)
        headers = {"Authorization": f"Bearer {ours.token(data_dir, USER)}"}
        with connect(f"{address}/ws/{USER}", additional_headers=headers) as socket:
            socket.send(json.dumps(ASKED))
            while "whole answer" not in reached:
                frame: dict[str, Any] = json.loads(socket.recv(timeout=60))
                if frame["type"] in {"error", "agent_failed"}:
                    raise RuntimeError(f"the main job failed: {frame}")
                if frame["type"] == "agent_started":
                    reached["first event"] = time.perf_counter() - began
                if frame["type"] == "agent_completed":
                    reached["whole answer"] = time.perf_counter() - began
        return reached
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks cold_start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    about = machine.describe()
    data_dir = ours.empty_data_dir("cold-start")
    if TRACE.exists():
        subprocess.run(
            [str(NETRA), "import", str(TRACE), "--user", USER, "--data-dir", str(data_dir)],
            check=True,
            capture_output=True,
        )
    else:
        print("No trace beside the repository: the answer is the one for a user without data.")
    starts = [start_and_ask(data_dir) for _ in range(options.rounds)]
    results = {key: figure([one[key] for one in starts]) for key in starts[0]}
    figures.show(
        "P8: cold start of `netra serve`, then one question to cost_optimizer",
        ["until", "seconds"],
        [[key, result.shown(2)] for key, result in results.items()],
    )
    answer = results["whole answer"]
    goals = [["first answer of the main job", "≤ 2 s", f"{answer.shown(2)} s", figures.met(answer.median <= 2)]]
    figures.show("Goals", figures.GOAL_COLUMNS, goals)
    figures.finish("cold_start", about, {"starts": starts, "goals": goals})
