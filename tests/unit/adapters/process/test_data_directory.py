"""The directory that holds everything of one server."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netra_backend.app.adapters.process.data_directory import (
    LOCK_NAME,
    Holder,
    holder_of,
    lock_data_directory,
    make_data_directory,
)
from netra_backend.app.core.errors import ConfigurationError

HOLDING = """
import sys
from pathlib import Path
from netra_backend.app.adapters.process.data_directory import lock_data_directory
lock_data_directory(Path(sys.argv[1])).announce("http://127.0.0.1:1")
print("held", flush=True)
sys.stdin.read()
"""


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = make_data_directory(tmp_path / "a" / "netra")
    assert mode_of(path) == 0o700
    assert make_data_directory(path) == path


def test_an_empty_or_former_one_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert mode_of(make_data_directory(tmp_path)) == 0o700
    lock_data_directory(tmp_path).release()
    (tmp_path / "netra.db").touch()
    tmp_path.chmod(0o755)
    assert mode_of(make_data_directory(tmp_path)) == 0o700


@pytest.mark.validation_point("data_directory.private")
def test_an_open_directory_with_other_things_in_it_is_left_as_it_is_and_refused(tmp_path: Path) -> None:
    (tmp_path / "letters").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(ConfigurationError, match="Run chmod 700 on it, or set NETRA_DATA_DIR"):
        make_data_directory(tmp_path)
    assert mode_of(tmp_path) == 0o755


def test_somebody_elses_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(ConfigurationError, match=f"belongs to user {owner}"):
        make_data_directory(tmp_path)


def test_a_way_that_is_barred_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be used"):
        make_data_directory(tmp_path / "file" / "netra")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        make_data_directory(tmp_path / "file")


@pytest.mark.validation_point("data_directory.lock")
def test_a_second_server_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    lock = lock_data_directory(tmp_path)
    with pytest.raises(ConfigurationError, match=f"in use by process {os.getpid()}. Stop that server"):
        lock_data_directory(tmp_path)
    lock.announce("http://127.0.0.1:8000")
    with pytest.raises(ConfigurationError, match=f"in use by process {os.getpid()} at http://127.0.0.1:8000"):
        lock_data_directory(tmp_path)
    lock.release()
    lock.release()
    lock_data_directory(tmp_path).release()


def test_others_see_who_holds_it_and_where_it_listens(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    lock = lock_data_directory(tmp_path)
    assert holder_of(tmp_path) == Holder(os.getpid())
    lock.announce("http://127.0.0.1:8000")
    assert holder_of(tmp_path) == Holder(os.getpid(), "http://127.0.0.1:8000")
    assert holder_of(tmp_path) == Holder(os.getpid(), "http://127.0.0.1:8000")
    lock.release()
    assert holder_of(tmp_path) is None


def test_somebody_who_only_looks_does_not_keep_a_server_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = os.open(tmp_path / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
    lock_data_directory(tmp_path).release()
    os.close(looking)


def test_a_server_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdout is not None
        assert server.stdout.readline() == "held\n"
        assert holder_of(tmp_path) == Holder(server.pid, "http://127.0.0.1:1")
        server.kill()
    assert holder_of(tmp_path) is None
    lock_data_directory(tmp_path).release()


def test_a_lock_whose_text_is_damaged_still_holds(tmp_path: Path) -> None:
    lock = lock_data_directory(tmp_path)
    (tmp_path / LOCK_NAME).write_text("{")
    assert holder_of(tmp_path) is None
    with pytest.raises(ConfigurationError, match="in use by another server"):
        lock_data_directory(tmp_path)
    lock.release()
