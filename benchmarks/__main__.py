"""``make bench``: every benchmark in turn, or the one that is named: ``make bench ARGS="golden --rounds 5"``."""

from __future__ import annotations

import importlib
import signal
import sys

IN_TURN = ("golden", "idle", "growth", "curves", "storm", "cold_start")
BY_NAME = (
    *IN_TURN,
    "idle_parts",
    "fleet",
    "soak",
    "streams",
    "floods",
    "instructions",
    "usage_import",
    "usage_report",
    "frameworks",
    "doors",
)


def main(words: list[str]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what was started is ended
    names = IN_TURN if not words or words[0].startswith("-") else (words[0],)
    if names[0] not in BY_NAME:
        raise SystemExit(f"There is no benchmark {names[0]!r}; there are: {', '.join(BY_NAME)}.")
    for name in names:
        importlib.import_module(f"benchmarks.{name}").main(words[1:] if names != IN_TURN else words)


if __name__ == "__main__":
    main(sys.argv[1:])
