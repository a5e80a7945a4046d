"""The reaper of one server, as a program of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from test_framework import reaper

SERVER = "import threading\nprint('Ready to accept connections', flush=True)\nthreading.Event().wait()\n"


def started(directory: Path, program: str, **more: float) -> subprocess.Popen[str]:
    directory.mkdir()
    options = {
        "command": [sys.executable, "-c", program],
        "ready": "ready to accept",
        "directory": str(directory),
    } | more
    return subprocess.Popen(
        [sys.executable, "-I", reaper.__file__, json.dumps(options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(process.stdout.readline())
    return told


def test_a_server_that_is_ready_is_told_with_its_pid_and_ends_with_the_pipe(tmp_path: Path) -> None:
    process = started(tmp_path / "own", SERVER)
    assert line_of(process)["ready"] is True
    process.communicate()
    assert process.returncode == 0
    assert not (tmp_path / "own").exists()


def test_a_restarted_server_is_another_process(tmp_path: Path) -> None:
    process = started(tmp_path / "own", SERVER)
    first = line_of(process)["pid"]
    assert process.stdin is not None
    process.stdin.write("restart\n")
    process.stdin.flush()
    second = line_of(process)
    assert second["ready"] is True
    assert second["pid"] != first
    process.communicate()


def test_a_server_that_ends_before_it_is_ready_is_told_with_its_log(tmp_path: Path) -> None:
    process = started(tmp_path / "own", "print('cannot start')")
    assert line_of(process) == {"ready": False, "log": "cannot start\n"}
    process.communicate()
    assert not (tmp_path / "own").exists()


def test_a_server_that_will_not_end_is_killed(tmp_path: Path) -> None:
    stubborn = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + SERVER
    process = started(tmp_path / "own", stubborn, grace_s=0.1)
    assert line_of(process)["ready"] is True
    process.communicate()
    assert process.returncode == 0
    assert not (tmp_path / "own").exists()
