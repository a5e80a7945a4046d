"""Effects are on the disk, one line each, over several openings of the file."""

from __future__ import annotations

from pathlib import Path

from test_framework.chaos.worker_server import EffectsFile, read_effects


def test_effects_of_two_processes_stand_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "effects"
    assert read_effects(path) == []
    for run_id in ("run_1", "run_2"):
        effects = EffectsFile(path)
        effects.acted(run_id, 3)
        effects.close()
    assert read_effects(path) == [("run_1", 3), ("run_2", 3)]
