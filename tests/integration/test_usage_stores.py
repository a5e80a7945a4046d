"""Where datasets lie, as the composition root decides it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from netra_backend.app.adapters.datasets.object_store import ObjectDatasets
from netra_backend.app.cli import command_line
from netra_backend.app.config import Settings
from netra_backend.app.usage_stores import datasets_of, open_ledger
from test_framework.clock import ManualClock, SeededEntropy
from test_framework.object_bucket import ObjectBucket

ROW = '{"timestamp": "2026-11-01T10:00:00Z", "model": "m", "input_tokens": 10, "output_tokens": 1}\n'


def test_without_a_store_they_lie_in_the_data_directory(tmp_path: Path) -> None:
    assert datasets_of(Settings(data_dir=tmp_path), ManualClock(), SeededEntropy()) is None


def test_with_a_store_copies_lie_in_the_data_directory_and_nowhere_else(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, datasets_url="s3://bucket/netra")
    datasets = datasets_of(settings, ManualClock(), SeededEntropy())
    assert isinstance(datasets, ObjectDatasets)
    assert all(secret.startswith(str(tmp_path / "usage-copies")) for secret in datasets.secrets)


async def test_two_servers_of_one_store_answer_for_one_user(object_bucket: ObjectBucket, tmp_path: Path) -> None:
    (tmp_path / "usage.jsonl").write_text(ROW * 2)
    first, second = (Settings(data_dir=tmp_path / name, datasets_url=object_bucket.url) for name in ("a", "b"))
    async with open_ledger(first) as here, open_ledger(second) as there:
        await here.import_usage("alice", tmp_path / "usage.jsonl", {}, lambda done, total: None)
        assert (await there.ask("alice", "data_profile", {}))["rows"] == 2
    assert not (tmp_path / "a" / "usage").exists()
    assert [path for path in (tmp_path / "b").rglob("*") if path.suffix == ".duckdb"] == []


def row(monkeypatch: pytest.MonkeyPatch, directory: Path, url: str) -> dict[str, Any]:
    """The row of ``netra check --json`` about datasets."""
    monkeypatch.setenv("NETRA_DATA_DIR", str(directory / "data"))
    monkeypatch.setenv("NETRA_DATASETS_URL", url)
    told = CliRunner().invoke(command_line(["check"]), ["check", "--json"])
    assert "canary" not in told.output.lower()
    found: dict[str, Any] = next(each for each in json.loads(told.stdout)["findings"] if each["part"] == "datasets")
    return found


def test_a_store_that_does_as_it_must_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, object_bucket: ObjectBucket
) -> None:
    found = row(monkeypatch, tmp_path, object_bucket.url)
    assert found["ok"]
    assert object_bucket.url in found["told"]
    assert object_bucket.listed() == []


def test_a_bucket_that_is_not_there_and_a_store_that_is_down_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, object_bucket: ObjectBucket
) -> None:
    absent = row(monkeypatch, tmp_path, "s3://netra-never-made")
    assert not absent["ok"]
    assert "check bucket, region, credentials" in absent["told"]
    object_bucket.go_wrong({"kind": "500", "times": 1000})
    down = row(monkeypatch, tmp_path, object_bucket.url)
    assert not down["ok"]
    assert "does not answer" in down["told"]
    assert "AWS_ENDPOINT_URL" in down["hint"]
