import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netra_backend.app.adapters.ledger import import_process
from netra_backend.app.core.errors import ToolError
from netra_backend.app.core.limits import Limits

NOW_MS = 1_795_000_000_000
LIMITS = Limits(reserved_disk_bytes=50 * 4_096)


def job(folder: Path) -> dict[str, Any]:
    row = {"timestamp": "2026-11-01T10:00:00Z", "model": "m", "input_tokens": 10, "output_tokens": 1}
    (folder / "usage.jsonl").write_text(json.dumps(row) + "\n")
    (folder / "staged").mkdir()
    asked = {"path": str(folder / "usage.jsonl"), "staged": str(folder / "staged"), "options": {}, "now_ms": NOW_MS}
    return {**asked, "known": {}}


def silent(done: int, total: int) -> None:
    """Nobody watches."""


async def test_an_import_within_its_bounds_is_answered(tmp_path: Path) -> None:
    reply = await import_process.perform(job(tmp_path), tmp_path / "staged", LIMITS, silent)
    assert reply["answer"]["accepted"] == 1


async def test_an_import_leaves_something_of_the_disk_whatever_it_hides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(tmp_path)
    full = SimpleNamespace(f_frsize=4_096, f_bavail=49)
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    with pytest.raises(ToolError, match="larger than an import is allowed to keep"):
        await import_process.perform(asked, tmp_path / "staged", LIMITS, silent)
    full.f_bavail = 50
    assert "answer" in await import_process.perform(asked, tmp_path / "staged", LIMITS, silent)


async def test_what_was_written_since_the_last_look_is_counted_before_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(tmp_path)
    monkeypatch.setattr(import_process, "LOOK_S", 600.0)
    with pytest.raises(ToolError, match="larger than an import is allowed to keep"):
        await import_process.perform(asked, tmp_path / "staged", Limits(import_files=0), silent)
