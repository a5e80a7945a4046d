"""Files that survive a loss of power: what is told to the disk, and in which order."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from netra_backend.app.adapters.process.durable_files import replace_synced, sync, write_synced


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """What the disk is told: of each fsync the file's content, or a directory's names; of each rename the new name."""
    steps: list[tuple[str, object]] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        place = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        steps.append(("sync", sorted(each.name for each in place.iterdir()) if place.is_dir() else place.read_bytes()))

    def renamed(source: Path, target: Path) -> Path:
        steps.append(("rename", target.name))
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    return steps


def test_a_file_is_on_disk_before_it_takes_the_place_of_another_and_its_name_is_afterwards(
    tmp_path: Path, told: list[tuple[str, object]]
) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    replace_synced(path, b"new")
    assert told == [("sync", b"new"), ("rename", "kept"), ("sync", ["kept"])]
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"old")

    def fails(_: int) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="the disk is full"):
        replace_synced(path, b"new")
    assert path.read_bytes() == b"old"


def test_content_comes_at_the_end_or_instead_of_what_was_there_and_is_on_disk(
    tmp_path: Path, told: list[tuple[str, object]]
) -> None:
    path = tmp_path / "kept"
    write_synced(path, b"one", appends=True)
    write_synced(path, b"two", appends=True)
    write_synced(path, b"3")
    sync(tmp_path)
    assert told == [("sync", b"one"), ("sync", b"onetwo"), ("sync", b"3"), ("sync", ["kept"])]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
