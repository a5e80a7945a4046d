"""The key that signs tokens on one's own machine."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from netra_backend.app.adapters.auth.development_key import FILE_NAME, development_key
from netra_backend.app.core.errors import ConfigurationError
from test_framework.clock import SeededEntropy


def test_the_first_who_asks_makes_the_key_and_all_others_read_it(tmp_path: Path) -> None:
    key = development_key(tmp_path, SeededEntropy("first"))
    assert len(key) == 32
    assert development_key(tmp_path, SeededEntropy("second")) == key
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_two_who_are_first_get_the_same_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    start = threading.Barrier(8)

    def ask(name: str) -> None:
        start.wait()
        keys.append(development_key(tmp_path, SeededEntropy(name)))

    threads = [threading.Thread(target=ask, args=(f"asker {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_key_that_a_crash_left_empty_is_made(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch(0o600)
    assert len(development_key(tmp_path, SeededEntropy())) == 32


@pytest.mark.validation_point("key.file")
def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    development_key(tmp_path, SeededEntropy())
    (tmp_path / FILE_NAME).chmod(0o644)
    with pytest.raises(ConfigurationError, match="Run chmod 600 on it"):
        development_key(tmp_path, SeededEntropy())


@pytest.mark.parametrize("text", ["short", "g" * 64 + "\n", "a" * 64, "a" * 200])
def test_a_key_that_is_not_whole_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    (tmp_path / FILE_NAME).chmod(0o600)
    with pytest.raises(ConfigurationError, match="Delete it to have a new one created"):
        development_key(tmp_path, SeededEntropy())


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("link", "directory", "pipe")}
    for place in places.values():
        place.mkdir()
    (tmp_path / "elsewhere").write_text("a" * 64 + "\n")
    (places["link"] / FILE_NAME).symlink_to(tmp_path / "elsewhere")
    (places["directory"] / FILE_NAME).mkdir()
    os.mkfifo(places["pipe"] / FILE_NAME, 0o600)
    for place in places.values():
        with pytest.raises(ConfigurationError, match="Delete it to have a new one created"):
            development_key(place, SeededEntropy())


def test_a_directory_that_is_not_there_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        development_key(tmp_path / "absent", SeededEntropy())
