"""Which run an operation belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.agents.frameworks.pydantic_ai.current import RUN, AgentRun, current_run
from netra_backend.app.agents.supervisor.branches import on_branch
from netra_backend.app.core.step_keys import Branch


class Scope:
    framework = "steps"


def test_a_run_counts_what_it_is_asked_for() -> None:
    with on_branch(Branch("left/")):
        run = AgentRun(Scope())  # type: ignore[arg-type]
    assert [run.next("a"), run.next("b"), run.next("a")] == [0, 0, 1]
    steps: Any = run.steps
    assert (run.branch.path, steps) == ("left/", "steps")
    entered = RUN.set(run)
    assert current_run() is run
    RUN.reset(entered)
    with pytest.raises(AssertionError, match="run by a server"):
        current_run()
