"""Effects are on the disk, one line each, over several openings of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from test_framework.effects import EFFECTS_VARIABLE, EffectsFile, note_effect, read_effects


def test_effects_of_two_processes_stand_in_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "effects"
    monkeypatch.setenv(EFFECTS_VARIABLE, str(path))
    assert read_effects(path) == []
    note_effect("pay 1")
    other = EffectsFile(path)
    other.note("pay 2")
    other.close()
    assert read_effects(path) == ["pay 1", "pay 2"]


def test_an_effect_that_nobody_counts_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EFFECTS_VARIABLE, raising=False)
    with pytest.raises(RuntimeError, match=EFFECTS_VARIABLE):
        note_effect("pay")


@pytest.mark.parametrize("name", ["", "two\nlines"])
def test_the_name_of_an_effect_is_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EFFECTS_VARIABLE, str(tmp_path / "effects"))
    with pytest.raises(ValueError, match="one line"):
        note_effect(name)
