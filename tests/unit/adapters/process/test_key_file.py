"""A key of one's own in a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from netra_backend.app.adapters.process.key_file import private_key
from netra_backend.app.core.errors import ConfigurationError
from test_framework.clock import SeededEntropy


def key_in(path: Path, entropy: SeededEntropy | None = None) -> bytes:
    return private_key(path, entropy, "the key of a test", "a test then fails")


def test_a_key_that_is_only_asked_for_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        key_in(tmp_path / "some.key")
    assert list(tmp_path.iterdir()) == []
    made = key_in(tmp_path / "some.key", SeededEntropy(1))
    assert len(made) == 32
    assert key_in(tmp_path / "some.key") == made


@pytest.mark.validation_point("key.file")
def test_what_is_no_private_key_is_refused_with_what_comes_of_deleting_it(tmp_path: Path) -> None:
    path = tmp_path / "some.key"
    key_in(path, SeededEntropy(1))
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match=r"must hold the key of a test .* Run chmod 600"):
        key_in(path)
    path.chmod(0o600)
    (tmp_path / "link.key").symlink_to(path)
    (tmp_path / "short.key").write_text("abc")
    (tmp_path / "directory.key").mkdir()
    for name in ("link", "short", "directory"):
        with pytest.raises(ConfigurationError, match="a test then fails"):
            key_in(tmp_path / f"{name}.key")


def test_the_name_of_a_new_key_is_on_disk_before_anything_is_made_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bool] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))

    monkeypatch.setattr(os, "fsync", note)
    for _ in range(2):
        key_in(tmp_path / "some.key", SeededEntropy(1))
    assert synced == [False, True]
