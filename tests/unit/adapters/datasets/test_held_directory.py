import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netra_backend.app.adapters.datasets.held_directory import hold, remove_unless_held

HOLDER = """
import sys, time
from pathlib import Path
from netra_backend.app.adapters.datasets.held_directory import hold
hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_directory_has_one_holder(tmp_path: Path) -> None:
    descriptor = hold(tmp_path)
    with pytest.raises(BlockingIOError):
        hold(tmp_path)
    os.close(descriptor)
    os.close(hold(tmp_path))


def test_what_a_living_process_holds_stays_and_what_a_killed_one_held_goes(tmp_path: Path) -> None:
    directory = tmp_path / "held"
    directory.mkdir()
    (directory / "file").touch()
    command = [sys.executable, "-c", HOLDER, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert remove_unless_held(directory) is False
        assert (directory / "file").exists()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert remove_unless_held(directory) is True
    assert not directory.exists()
    assert remove_unless_held(directory) is True
