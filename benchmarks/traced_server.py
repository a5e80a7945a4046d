"""A server whose allocations can be traced: ``python -m benchmarks.traced_server REPORT PROGRAM [WORDS…]`` runs a program or a
module. The first SIGUSR1 begins to trace, the second writes to REPORT what was taken since and is still held: a list of
[files of the stack, the innermost first; bytes; blocks].
"""

from __future__ import annotations

import gc
import json
import runpy
import signal
import sys
import threading
import tracemalloc
from pathlib import Path

FRAMES = 12


def _trace(report: Path) -> None:
    signal.sigwait({signal.SIGUSR1})
    gc.collect()
    tracemalloc.start(FRAMES)
    _write(report.with_suffix(".begun"), [])
    signal.sigwait({signal.SIGUSR1})
    gc.collect()
    held = tracemalloc.take_snapshot().statistics("traceback")
    _write(report, [[[frame.filename for frame in reversed(one.traceback)], one.size, one.count] for one in held])


def _write(path: Path, found: list[list[object]]) -> None:
    """Whole or not at all: somebody waits for it."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(found))
    unfinished.rename(path)


def main(words: list[str]) -> None:
    report, program = words[:2]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # in every thread: only the one that waits gets it
    threading.Thread(target=_trace, args=(Path(report),), daemon=True).start()
    sys.argv = words[1:]
    if program.endswith(".py"):
        sys.path.insert(0, str(Path(program).parent))
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
