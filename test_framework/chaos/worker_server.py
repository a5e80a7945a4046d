"""The worker of the simulation in a real server (``netra serve --app``), whose tools note on disk what they did, and beside it an
agent of each framework if the environment names their model.

``NETRA_TEST_CHAOS_EFFECTS`` names the file. Each effect is one line that is on the disk before the tool returns, so a tool
that acted twice shows, whatever was killed meanwhile.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any, Final

from ..simulation.workers import Cashier, Worker, make_charge, make_tools

EFFECTS_VARIABLE: Final = "NETRA_TEST_CHAOS_EFFECTS"
SLOWEST_TOOL_S: Final = 0.2


class EffectsFile:
    """Effects, one line each: run id and the number of the step."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_DSYNC, 0o600)

    def acted(self, run_id: str, number: int) -> None:
        """``workers.Effects``."""
        os.write(self._file, f"{run_id} {number}\n".encode())

    def close(self) -> None:
        """Take no more."""
        os.close(self._file)


def read_effects(path: Path) -> list[tuple[str, int]]:
    """Every effect as (run id, number of the step), in order."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [(run_id, int(number)) for run_id, number in map(str.split, lines)]


AGENTS: list[Any] = [Worker, Cashier]
if _named := os.environ.get(EFFECTS_VARIABLE):
    _effects: Final = EffectsFile(Path(_named))
    TOOLS: Final = tuple(make_tools(Random(), _effects, lambda: SLOWEST_TOOL_S))
    if "OPENAI_BASE_URL" in os.environ:
        from .framework_agents import make_agents

        AGENTS += make_agents(make_charge(Random(), _effects, lambda: SLOWEST_TOOL_S))
