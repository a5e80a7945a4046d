"""``netra demo --once``: the main job, end to end, on real traces and on the generated sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from test_framework.server_process import ServerProcess

TRACES = Path(__file__).resolve().parents[4] / "shared" / "data"
FIVE = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")


@pytest.fixture
def alone(tmp_path: Path) -> ServerProcess:
    return ServerProcess(tmp_path / "data")


def test_real_traces_give_the_published_figures(alone: ServerProcess) -> None:
    if not TRACES.is_dir():
        pytest.skip(f"the real traces are missing: put the shared data at {TRACES}")
    shown = alone.command("demo", "--once", "--data", str(TRACES))
    alone.close()
    assert shown.returncode == 0, shown.stderr
    assert all(event in shown.stdout for event in FIVE)
    assert "$0.668971" in shown.stdout
    assert shown.stdout.count("agent_completed") == 1
    assert all(f"agent {name}" in shown.stdout for name in ("triage_agent", "cost_optimizer"))
    assert " ask " in shown.stdout


def test_without_traces_a_sample_says_that_it_is_generated(alone: ServerProcess, tmp_path: Path) -> None:
    shown = alone.command("demo", "--once", "--data", str(tmp_path / "nothing"))
    alone.close()
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.lower().count("generated") >= 4
    assert "house-model-7b" in shown.stdout  # unpriced, and said so
