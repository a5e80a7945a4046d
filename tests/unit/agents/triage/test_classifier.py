"""Where the classifier is kept, and who may have written it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from netra_backend.app.agents.triage import classifier, linear, training
from netra_backend.app.agents.triage.linear import LinearModel, dump
from netra_backend.app.agents.triage.parse import read_message

SMALL = LinearModel(("a", "b"), {"words": {"cost": 0}}, {"words": 1.0}, (1.0,), (0.0, 1.0), (0.0, 0.0), {"known": {}})


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """No classifier is loaded, the user's cache is empty, and training is quick: it writes a small model, and is counted."""
    runs: list[list[str]] = []

    def run(arguments: list[str], **options: Any) -> None:
        runs.append(arguments)
        Path(arguments[-1]).write_bytes(dump(SMALL))

    monkeypatch.setattr(classifier, "_ready", [])
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return runs


def test_it_is_trained_once_and_kept(tmp_path: Path, fresh: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    first = classifier.prepare(tmp_path / "data")
    assert classifier.prepare(tmp_path / "data") is first
    monkeypatch.setattr(classifier, "_ready", [])
    assert classifier.prepare(tmp_path / "data").classes == SMALL.classes
    assert len(fresh) == 1


def test_what_an_older_version_kept_is_cleared_away(tmp_path: Path, fresh: list[list[str]]) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "triage-0.model").write_text("old")
    (tmp_path / "data" / "other").write_text("not ours")
    classifier.prepare(tmp_path / "data")
    names = {file.name for file in (tmp_path / "data").iterdir()}
    assert "triage-0.model" not in names
    assert "other" in names


def test_its_directory_is_its_owners_only(tmp_path: Path, fresh: list[list[str]]) -> None:
    classifier.prepare(tmp_path / "data")
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_the_users_cache_serves_where_the_directory_holds_none(
    tmp_path: Path, fresh: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier.prepare()
    monkeypatch.setattr(classifier, "_ready", [])
    classifier.prepare(tmp_path / "data")
    assert len(fresh) == 1


def test_a_file_that_others_could_have_written_is_not_read(
    tmp_path: Path, fresh: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier.prepare(tmp_path / "data")
    (tmp_path / "data").chmod(0o777)
    assert not classifier.is_private(tmp_path / "data")
    monkeypatch.setattr(classifier, "_ready", [])
    classifier.prepare(tmp_path / "data")
    assert len(fresh) == 2


def test_a_spoilt_file_is_trained_anew(tmp_path: Path, fresh: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    classifier.prepare(tmp_path / "data")
    for file in (tmp_path / "data").glob("*.model"):
        file.write_bytes(b"spoilt")
    monkeypatch.setattr(classifier, "_ready", [])
    assert classifier.prepare(tmp_path / "data").classes == SMALL.classes
    assert len(fresh) == 2


def test_where_nothing_can_be_kept_it_trains_in_this_process(
    tmp_path: Path, fresh: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(training, "train", lambda samples: SMALL)
    assert classifier.prepare(tmp_path / "file" / "data") is SMALL
    assert fresh == []


def test_the_cache_is_the_operating_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert classifier.user_cache() == tmp_path / "netra"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert classifier.user_cache() == tmp_path / "home" / ".cache" / "netra"


def test_scores_are_the_models(fresh: list[list[str]]) -> None:
    reading = read_message("cost", now_ms=0, timezone="UTC")
    assert classifier.scores(reading) == pytest.approx({"a": 0.0, "b": 1.0})
    assert linear.parse(dump(SMALL)).classes == ("a", "b")
