"""The agents of the walk do what they say, each effect once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from test_framework.crashes.example import AGENTS, TOOLS
from test_framework.effects import EFFECTS_VARIABLE, read_effects
from test_framework.local_runtime import connected_user, running


async def test_what_is_done_side_by_side_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    effects = tmp_path / "effects"
    monkeypatch.setenv(EFFECTS_VARIABLE, str(effects))
    async with (
        running(tmp_path / "data", agents=AGENTS, tools=TOOLS) as runtime,
        connected_user(runtime, "ann") as user,
    ):
        for agent in ("parallel", "careless"):
            user.send(type="execute_agent", agent=agent, message="go")
            assert (await user.ended_run())["type"] == "agent_completed"
    done = Counter(read_effects(effects))
    assert set(done.values()) == {1}
    assert len(done) == 10
