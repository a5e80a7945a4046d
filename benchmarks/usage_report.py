"""P7: the whole report, all levers, over a million usage rows: every question that the cost optimizer asks, through the ledger's
child process, and the Markdown made of the answers. One row in ten names the blocks of its prompt."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netra_backend.app.adapters.ledger.ledger import DuckDBLedger
from netra_backend.app.adapters.process.clock import SystemClock, SystemEntropy
from netra_backend.app.usage.report import Report, make_report
from netra_backend.app.usage.report_html import report_html
from netra_backend.app.usage.report_markdown import report_markdown

from . import figures, machine
from .figures import figure
from .usage_import import SEED, _peak_mib, written

OWNER = "bench_owner"
BLOCKS_FROM = 0.1
"""The part of the rows that name their blocks."""


def traced(count: int) -> Path:
    """Conversations of a few turns over shared system prompts, as blocks of 512 tokens."""
    path = machine.WORKSHOP / f"usage-blocks-{count}.jsonl"
    if path.exists():
        return path
    chance = random.Random(SEED)
    unfinished = path.with_suffix(".part")
    with unfinished.open("w") as file:
        history: list[int] = []
        fresh = 10_000
        for number in range(count):
            if number % 5 == 0:
                shared = chance.randrange(50) * 100
                history = list(range(shared, shared + 4))
            history = [*history, *range(fresh, fresh + 3)]
            fresh += 3
            row = {
                "timestamp": number * 900,
                "input_length": 512 * len(history),
                "output_length": chance.randrange(40, 600),
            }
            file.write(json.dumps({**row, "hash_ids": history}) + "\n")
    unfinished.rename(path)
    return path


async def prepared(root: Path, count: int) -> DuckDBLedger:
    """A ledger that holds ``count`` rows."""
    shutil.rmtree(root, ignore_errors=True)
    ledger = DuckDBLedger(root, SystemClock(), SystemEntropy())
    await ledger.start()
    blocks = int(count * BLOCKS_FROM)
    for path, options in ((written("litellm", count - blocks), {}), (traced(blocks), {"model": "gpt-4o"})):
        print(f"importing {path.name}", flush=True)
        await ledger.import_usage(OWNER, path, options, lambda done, total: None)
    return ledger


async def measure(ledger: DuckDBLedger) -> dict[str, float]:
    """Seconds of each question in turn, of the report made of them, and of all."""
    found: dict[str, float] = {}

    async def ask(question: str, arguments: Mapping[str, Any]) -> Any:
        asked = time.perf_counter()
        answer = await ledger.ask(OWNER, question, arguments)
        found[question] = time.perf_counter() - asked
        return answer

    used = _cpu_s(ledger)
    began = time.perf_counter()
    report = await make_report(ask, {})
    written_at = time.perf_counter()
    for write in WRITERS:
        write(report)
    found["markdown and HTML"] = time.perf_counter() - written_at
    found["whole report"] = time.perf_counter() - began
    found["processor time of the child"] = _cpu_s(ledger) - used
    return found


def _cpu_s(ledger: DuckDBLedger) -> float:
    """Processor seconds of the owner's child so far; what a busy machine does not change much."""
    pid = ledger.children.pids.get(OWNER)
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


WRITERS: tuple[Callable[[Report], str], ...] = (report_markdown, report_html)


async def run(count: int, rounds: int) -> tuple[list[dict[str, float]], float]:
    ledger = await prepared(machine.WORKSHOP / "report-ledger", count)
    try:
        taken = [await measure(ledger) for _ in range(rounds)]
        return taken, _peak_mib(ledger.children.pids[OWNER])
    finally:
        await ledger.close()
        shutil.rmtree(machine.WORKSHOP / "report-ledger", ignore_errors=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks usage_report", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    about = machine.describe()
    taken, peak = asyncio.run(run(options.rows, options.rounds))
    medians = {name: figure([one[name] for one in taken]) for name in taken[0]}
    figures.show(
        f"P7: the whole report over {options.rows:,} rows",
        ["question", "seconds"],
        [[name, found.shown(2)] for name, found in medians.items()],
        ["The first round opens the data and is part of the median."],
    )
    whole = medians["whole report"]
    goals = [
        ["whole report, all levers", "≤ 3 s", f"{whole.shown(2)} s", figures.met(whole.median <= 3)],
        ["memory", "≤ 1 GiB", f"{peak:,.0f} MiB", figures.met(peak <= 1024)],
    ]
    figures.show("Goals", figures.GOAL_COLUMNS, goals)
    figures.finish("usage_report", about, {"rows": options.rows, "rounds": taken, "peak_mib": peak, "goals": goals})


if __name__ == "__main__":
    main()
