"""``make release``: everything that belongs to a release, the same from the same commit."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from netra_backend.distribution import version
from release import build
from release.build import main, release
from release.locks import LOCKS, Locked, read_lock

STEM = f"netra_server-{version()}"
AT = {**os.environ, "SOURCE_DATE_EPOCH": "1800000000"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    (directory / "netra_server-0.0.1.tar.gz").write_text("of an earlier release")
    (directory / "mine.txt").write_text("nobody asked")
    release(directory, environment=AT)
    return directory


def sums(directory: Path) -> dict[str, str]:
    lines = (directory / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def test_a_release_has_its_parts_and_a_sum_of_each_and_leaves_other_files_alone(built: Path) -> None:
    parts = {
        f"{STEM}{end}" for end in ("-py3-none-any.whl", ".tar.gz", ".cdx.json", "-image.cdx.json", "-licences.txt")
    }
    assert {path.name for path in built.iterdir()} == parts | {"SHA256SUMS", "mine.txt"}
    assert sums(built) == {name: hashlib.sha256((built / name).read_bytes()).hexdigest() for name in parts}


def test_the_same_source_and_time_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    release(tmp_path, environment=AT)
    assert sums(tmp_path) == sums(built)


def test_another_time_is_in_the_files_so_the_time_is_what_makes_them_the_same(built: Path, tmp_path: Path) -> None:
    release(tmp_path, environment={**AT, "SOURCE_DATE_EPOCH": "1700000000"})
    mine, others = sums(tmp_path), sums(built)
    assert {name for name in mine if mine[name] != others[name]} == set(mine) - {f"{STEM}-licences.txt"}


def test_the_bills_are_those_of_the_two_locks(built: Path) -> None:
    for lock, name in (("runtime", f"{STEM}.cdx.json"), ("image", f"{STEM}-image.cdx.json")):
        read = json.loads((built / name).read_text())
        assert read["metadata"]["component"]["version"] == version()
        told = {(each["name"], each["version"]) for each in read["components"]}
        assert told == {(each.name, each.version) for each in read_lock(LOCKS / f"{lock}.lock")}


def test_the_licences_of_all_that_is_shipped_are_listed(built: Path) -> None:
    lines = (built / f"{STEM}-licences.txt").read_text().splitlines()
    assert any(line.startswith("rich ") and line.endswith(": MIT") for line in lines)
    assert len(lines) == len(read_lock(LOCKS / "image.lock"))
    assert all(line.partition(": ")[2] not in ("", "None") for line in lines)


def test_nothing_is_released_with_a_licence_that_is_not_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = Locked("nobody-knows-it", "1.0", "", ("a" * 64,), ())
    monkeypatch.setattr(build, "read_lock", lambda path: [unknown])
    with pytest.raises(SystemExit, match="nobody-knows-it"):
        release(tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


def test_a_failed_build_is_told_and_makes_no_sums(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'nothing'\n")
    with pytest.raises(SystemExit, match="The build failed"):
        release(tmp_path / "dist", root=tmp_path)
    assert not (tmp_path / "dist/SHA256SUMS").exists()


def test_the_command_says_what_it_made_and_that_it_is_not_signed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--directory", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert str(tmp_path / "SHA256SUMS") in told
    assert "Nothing is signed" in told
