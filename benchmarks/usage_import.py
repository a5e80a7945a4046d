"""P7: a million usage rows: import, and the answers over them. The rows are generated here, from a seed. ``--rows 10000000``
shows that memory does not grow with the file."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from netra_backend.app.adapters.ledger.ledger import DuckDBLedger
from netra_backend.app.adapters.process.clock import SystemClock, SystemEntropy

from . import figures, machine
from .figures import figure

SEED = 20261101
MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("openai", "gpt-5"),
    ("anthropic", "claude-haiku-4-5"),
)
FORMATS = ("litellm", "table")


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Thirty days of requests of a product with eight teams; a row is what LiteLLM would have logged."""
    chance = random.Random(SEED)
    start = datetime(2026, 10, 1, tzinfo=UTC)
    for number in range(count):
        provider, model = MODELS[int(chance.random() ** 2 * len(MODELS))]
        began = start + timedelta(seconds=30 * 86_400 * number / count)
        prompt = int(chance.lognormvariate(7, 1))
        cached = int(prompt * 0.6) if chance.random() < 0.4 else 0
        answer = int(chance.lognormvariate(5, 1))
        took = chance.lognormvariate(7, 0.5)
        yield {
            "request_id": f"req-{number:08x}-{chance.getrandbits(48):012x}",
            "call_type": "acompletion",
            "spend": round(prompt * 2.5e-6 + answer * 1e-5, 10),
            "total_tokens": prompt + answer,
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "startTime": began.isoformat(),
            "endTime": (began + timedelta(milliseconds=took)).isoformat(),
            "model": model,
            "custom_llm_provider": provider,
            "cache_hit": "False",
            "cache_key": f"{chance.getrandbits(64):016x}" if chance.random() > 0.05 else "00ff00ff00ff00ff",
            "request_tags": [f"feature-{chance.randrange(12)}"],
            "team_id": f"team-{chance.randrange(8)}",
            "end_user": f"user-{chance.randrange(5_000)}",
            "session_id": f"session-{number // 7:x}",
            "status": "failure" if chance.random() < 0.01 else "success",
            "metadata": {"additional_usage_values": {"cache_read_input_tokens": cached}},
        }


def written(kind: str, count: int) -> Path:
    """The file to import; kept for the next round."""
    path = machine.WORKSHOP / f"usage-{kind}-{count}.{'jsonl' if kind == 'litellm' else 'csv'}"
    if path.exists():
        return path
    machine.WORKSHOP.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("w") as file:
        if kind == "table":
            file.write("timestamp,provider,model,input_tokens,cached_tokens,output_tokens,latency_ms,cost_usd,")
            file.write("session_id,request_id,feature,team,user_id,status\n")
        for row in rows(count):
            if kind == "litellm":
                file.write(json.dumps(row) + "\n")
            else:
                cached = row["metadata"]["additional_usage_values"]["cache_read_input_tokens"]
                values = (row["startTime"], row["custom_llm_provider"], row["model"], row["prompt_tokens"], cached)
                more = (row["completion_tokens"], 812.5, row["spend"], row["session_id"], row["request_id"])
                whose = (row["request_tags"][0], row["team_id"], row["end_user"], row["status"])
                file.write(",".join(map(str, (*values, *more, *whose))) + "\n")
    unfinished.rename(path)
    return path


async def measure(path: Path, questions: list[str]) -> dict[str, float]:
    """Seconds of the import and of each question, and MiB of the process that did it, at its peak."""
    root = machine.WORKSHOP / "usage-ledger"
    shutil.rmtree(root, ignore_errors=True)
    ledger = DuckDBLedger(root, SystemClock(), SystemEntropy())
    await ledger.start()
    try:
        used = _children_cpu_s()
        began = time.perf_counter()
        told = await ledger.import_usage("bench_owner", path, {}, lambda done, total: None)
        found = {"import_s": time.perf_counter() - began, "processor_s": _children_cpu_s() - used}
        found["rejected"] = told["rejected"]
        found["import_mib"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        for question in questions:
            began = time.perf_counter()
            await ledger.ask("bench_owner", question, {})
            found[f"{question}_s"] = time.perf_counter() - began
        pid = ledger.children.pids["bench_owner"]
        found["questions_mib"] = _peak_mib(pid)
        return found
    finally:
        await ledger.close()
        shutil.rmtree(root, ignore_errors=True)


def _children_cpu_s() -> float:
    """Processor seconds of the children that have ended: what a busy machine changes least."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the process is gone")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks usage_import", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--questions", nargs="*", default=["data_profile", "database_query"])
    options = parser.parse_args(arguments)
    about = machine.describe()
    taken: dict[str, list[dict[str, float]]] = {kind: [] for kind in options.formats}
    for number in range(options.rounds):
        for kind in options.formats:
            print(f"round {number + 1} of {options.rounds}, {kind}", flush=True)
            taken[kind].append(asyncio.run(measure(written(kind, options.rows), options.questions)))
    names = list(taken[options.formats[0]][0])
    medians = {kind: {name: figure([one[name] for one in taken[kind]]) for name in names} for kind in taken}
    figures.show(
        f"P7: {options.rows:,} usage rows",
        ["what", *options.formats],
        [[name, *(medians[kind][name].shown(2 if name.endswith("_s") else 0) for kind in taken)] for name in names],
        ["…_s: seconds; …_mib: the most memory that the process held, libraries included."],
    )
    goals = [
        [f"import, {kind}", "≤ 15 s", f"{of['import_s'].shown(2)} s", figures.met(of["import_s"].median <= 15)]
        for kind, of in medians.items()
    ] + [
        [f"memory, {kind}", "≤ 1 GiB", f"{of[name].shown()} MiB", figures.met(of[name].median <= 1024)]
        for kind, of in medians.items()
        for name in ("import_mib", "questions_mib")
    ]
    figures.show("Goals", figures.GOAL_COLUMNS, goals)
    figures.finish("usage_import", about, {"rows": options.rows, "rounds": taken, "goals": goals})


if __name__ == "__main__":
    main()
