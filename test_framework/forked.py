"""Calls functions in throw-away copies of this process, several at a time, and brings their answers back.

A copy starts in milliseconds with everything already imported, and whatever it does to its modules dies with it. Call this
from a process that has no threads: a copy has only the thread that made it.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, Final

_LOG_TAIL: Final = 4000

Job = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a copy came to: ``value`` (JSON), or ``None`` where it crashed or took too long; and the end of its output."""

    value: Any
    output: str


@dataclass(slots=True)
class _Copy:
    name: str
    pid: int
    result: int
    log: IO[bytes]
    deadline: float
    heard: bytearray = field(default_factory=bytearray)


def run_forked(jobs: Mapping[str, Job], *, at_once: int, timeout_s: float) -> Iterator[tuple[str, Answer]]:
    """Run every job in a copy of this process, ``at_once`` side by side; yields names and answers as they come.

    A copy that takes longer than ``timeout_s`` is killed with everything it started.
    """
    waiting = list(jobs.items())
    with selectors.DefaultSelector() as selector:
        while waiting or selector.get_map():
            while waiting and len(selector.get_map()) < at_once:
                copy = _start(*waiting.pop(0), timeout_s)
                selector.register(copy.result, selectors.EVENT_READ, copy)
            copies: list[_Copy] = [key.data for key in selector.get_map().values()]
            soonest = min(copy.deadline for copy in copies)
            ready = {key.data.name for key, _ in selector.select(max(0.0, soonest - time.monotonic()))}
            for copy in copies:
                data = os.read(copy.result, 65536) if copy.name in ready else b""
                copy.heard += data
                if (copy.name in ready and not data) or time.monotonic() > copy.deadline:
                    selector.unregister(copy.result)
                    yield copy.name, _end(copy)


def _start(name: str, job: Job, timeout_s: float) -> _Copy:
    result, answer = os.pipe()
    log = tempfile.TemporaryFile()  # noqa: SIM115  # the copy's end closes it
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(result)
        _work(job, answer, log)
    os.close(answer)
    return _Copy(name, pid, result, log, time.monotonic() + timeout_s)


def _work(job: Job, answer: int, log: IO[bytes]) -> None:
    """Runs in the copy; never returns."""
    try:
        os.setsid()  # so that all it starts can be ended with it
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        value = job()
        sys.stdout.flush()
        with os.fdopen(answer, "w") as pipe:
            json.dump(value, pipe)
        os._exit(0)
    except BaseException as fault:
        os.write(2, f"{type(fault).__name__}: {fault}\n".encode())
    finally:
        os._exit(1)


def _end(copy: _Copy) -> Answer:
    os.close(copy.result)
    with suppress(ProcessLookupError):
        os.killpg(copy.pid, signal.SIGKILL)
    os.waitpid(copy.pid, 0)
    with copy.log as log:
        log.seek(0)
        output = log.read()[-_LOG_TAIL:].decode(errors="replace")
    return Answer(json.loads(copy.heard) if copy.heard else None, output)
