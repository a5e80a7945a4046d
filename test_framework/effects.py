"""Effects on the world outside of a server, in a file: one line each, on the disk before whoever acts goes on. What was done
twice shows, whatever was killed meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

EFFECTS_VARIABLE: Final = "NETRA_TEST_EFFECTS"
"""The environment variable that names the file of ``note_effect``."""


class EffectsFile:
    """A file of effects, for any number of processes."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_DSYNC, 0o600)

    def note(self, line: str) -> None:
        """Something was done; it is on the disk on return."""
        os.write(self._file, f"{line}\n".encode())

    def close(self) -> None:
        """Take no more."""
        os.close(self._file)


def read_effects(path: Path) -> list[str]:
    """Every line, in order."""
    return path.read_text().splitlines() if path.exists() else []


def note_effect(name: str) -> None:
    """What a tool or a step of a test calls when it acts on the world: ``name`` must be another one for each effect of a run.

    Raises ``RuntimeError`` if nobody counts (``walk_boundaries`` does).
    """
    path = os.environ.get(EFFECTS_VARIABLE)
    if path is None:
        raise RuntimeError(f"Nobody counts effects: {EFFECTS_VARIABLE} is not set.")
    if not name or "\n" in name:
        raise ValueError("The name of an effect is one line.")
    file = EffectsFile(Path(path))
    try:
        file.note(name)
    finally:
        file.close()
