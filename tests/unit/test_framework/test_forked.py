"""Throw-away copies of a process: what they answer, and what becomes of them."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from typing import Any

import pytest

from test_framework.forked import run_forked

# A forked test process would carry the test runner's own state along, so each case runs in a small process of its own.
PROGRAM = """
import json, os, sys
from test_framework.forked import run_forked

def crash(): os._exit(3)
def hang():
    print("about to hang", flush=True)
    import threading; threading.Event().wait()
def fail(): raise LookupError("no such thing")
def change():
    sys.answer = 42
    return sys.answer

jobs = {"value": lambda: {"a": [1]}, "change": change, "pid": os.getpid, "crash": crash, "fail": fail}
if sys.argv[1] == "hang":
    jobs = {"hang": hang, "value": lambda: 1}
answers = {name: [answer.value, answer.output] for name, answer in run_forked(jobs, at_once=2, timeout_s=float(sys.argv[2]))}
print(json.dumps({"answers": answers, "changed": hasattr(sys, "answer"), "pid": os.getpid()}))
"""


def answers(mode: str, timeout_s: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, mode, timeout_s], capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_every_job_answers_from_a_process_of_its_own_and_leaves_no_trace() -> None:
    told = answers("all", "60")
    assert told["answers"]["value"][0] == {"a": [1]}
    assert told["answers"]["change"][0] == 42
    assert told["changed"] is False
    assert told["answers"]["pid"][0] != told["pid"]


def test_a_copy_that_crashes_or_raises_has_no_value_and_shows_its_last_words() -> None:
    told = answers("all", "60")
    assert told["answers"]["crash"] == [None, ""]
    value, output = told["answers"]["fail"]
    assert value is None
    assert "LookupError: no such thing" in output


def test_a_copy_that_takes_too_long_is_killed_and_the_others_answer() -> None:
    told = answers("hang", "0.5")
    assert told["answers"]["value"][0] == 1
    assert told["answers"]["hang"] == [None, "about to hang\n"]


def test_what_a_copy_started_ends_with_it() -> None:
    # The sleeper holds the writing end of a pipe: when that closes, the sleeper is gone.
    reading, writing = os.pipe()

    def start_a_sleeper() -> int:
        return subprocess.Popen(["sleep", "1000"], pass_fds=(writing,)).pid

    ((_, answer),) = run_forked({"sleeper": start_a_sleeper}, at_once=1, timeout_s=60)
    os.close(writing)
    ended, _, _ = select.select([reading], [], [], 10)
    os.close(reading)
    assert answer.value
    assert ended


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_jobs_give_no_answers(at_once: int) -> None:
    assert list(run_forked({}, at_once=at_once, timeout_s=1)) == []
