"""The generated sample."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from netra_backend.app.commands.sample_data import DAYS, write_sample


def test_the_sample_is_the_same_every_time_so_that_it_is_imported_once(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    assert write_sample(first) == write_sample(second)
    assert first.read_bytes() == second.read_bytes()


def test_every_row_is_usage_of_the_month(tmp_path: Path) -> None:
    path = tmp_path / "sample.jsonl"
    count = write_sample(path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == count
    assert len({datetime.fromisoformat(row["ts"]).date() for row in rows}) == DAYS
    assert all(row["input_tokens"] > 0 and row["output_tokens"] >= 0 for row in rows)
    assert {row["status"] for row in rows} == {"ok", "error"}


def test_it_holds_what_the_levers_look_for(tmp_path: Path) -> None:
    path = tmp_path / "sample.jsonl"
    write_sample(path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    prompts = [row["prompt_hash"] for row in rows]
    assert len(set(prompts)) < len(prompts)
    assert "house-model-7b" in {row["model"] for row in rows}
