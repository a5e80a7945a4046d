"""Real processes under a real supervisor: replaced where they end, ended where it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from test_framework.reaper import in_child

SCRIPT = """
import os, signal, sys
from netra_backend.app.server import worker_policy
from netra_backend.app.server.worker_supervisor import supervise

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def wait(place, ready):
    say(place, os.getpid())
    ready()
    while True:
        signal.pause()

def deaf(place, ready):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    wait(place, ready)

def unable(place, ready):
    say(place, os.getpid())
    if place == 2:
        raise SystemExit("no ground to stand on")
    ready()
    signal.pause()

def faulty(place, ready):
    say(place, os.getpid())
    raise LookupError("a fault of ours")

def changed():
    '''The file of code that the test has left, once.'''
    try:
        os.unlink(sys.argv[2])
    except FileNotFoundError:
        return None
    return "code.py"

worker_policy.LAST_WAIT_S = 0.2
code = changed if len(sys.argv) > 2 else None
sys.exit(supervise(2, globals()[sys.argv[1]], lambda: say("all"), changed=code))
"""


class Supervised:
    """The script's process, and what its processes said."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def hear(self) -> list[str]:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().split()

    def until_ready(self) -> dict[str, int]:
        """The process in each place, once all are ready."""
        told: dict[str, int] = {}
        while (words := self.hear()) != ["all"]:
            told[words[0]] = int(words[1])
        return told

    def silence(self) -> bytes:
        """What is said until nobody is left who could say anything."""
        assert self.process.stdout is not None
        return self.process.stdout.read()


@contextlib.contextmanager
def supervised(work: str, *code: Path) -> Iterator[Supervised]:
    command = [sys.executable, "-c", SCRIPT, work, *map(str, code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=in_child()) as process:
        yield Supervised(process)
        process.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_ends_all_of_them_and_itself_with_0(how: signal.Signals) -> None:
    with supervised("wait") as parent:
        assert set(parent.until_ready()) == {"1", "2"}
        parent.process.send_signal(how)
        assert parent.silence() == b""
        assert parent.process.wait() == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_ends_is_replaced_in_its_place_and_readiness_is_told_once(how: signal.Signals) -> None:
    with supervised("wait") as parent:
        pids = parent.until_ready()
        os.kill(pids["2"], how)
        place, pid = parent.hear()
        assert place == "2"
        assert int(pid) != pids["2"]
        parent.process.terminate()
        assert parent.silence() == b""
        assert parent.process.wait() == 0


def test_when_the_code_changes_all_are_replaced_and_readiness_is_not_told_again(tmp_path: Path) -> None:
    with supervised("wait", tmp_path / "code") as parent:
        before = parent.until_ready()
        (tmp_path / "code").touch()
        after = dict([parent.hear(), parent.hear()])
        assert set(after) == set(before)
        assert {int(pid) for pid in after.values()} & set(before.values()) == set()
        parent.process.terminate()
        assert parent.silence() == b""
        assert parent.process.wait() == 0


def test_in_development_one_that_ends_is_replaced_when_the_code_changes_and_not_before(tmp_path: Path) -> None:
    with supervised("wait", tmp_path / "code") as parent:
        before = parent.until_ready()
        os.kill(before["2"], signal.SIGKILL)
        (tmp_path / "code").touch()
        after = dict([parent.hear(), parent.hear()])
        assert set(after) == {"1", "2"}  # had it been replaced on its own account, it would have spoken twice
        parent.process.terminate()
        assert parent.silence() == b""


def test_killed_it_takes_all_of_them_with_it() -> None:
    with supervised("wait") as parent:
        parent.until_ready()
        parent.process.kill()
        assert parent.silence() == b""


def test_what_does_not_listen_is_killed_and_the_code_tells() -> None:
    with supervised("deaf") as parent:
        parent.until_ready()
        parent.process.terminate()
        assert parent.silence() == b""
        assert parent.process.wait() == 1


@pytest.mark.parametrize("work", ["unable", "faulty"])
def test_a_process_that_cannot_start_ends_the_server_before_it_was_ready(work: str) -> None:
    with supervised(work) as parent:
        assert parent.process.wait() == 1
        assert b"all" not in parent.silence()
