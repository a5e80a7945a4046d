"""kill -9 at every event of a run, on real servers: ours keep every promise, and an agent that does not is found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from test_framework.crashes.example import ANSWERS
from test_framework.crashes.request_follower import approve
from test_framework.crashes.walk import walk_boundaries

APP = "test_framework.crashes.example"


def answer(event: dict[str, Any]) -> Mapping[str, Any] | None:
    """Three to every question, yes to every approval."""
    if event["type"] == "question_asked":
        return {"type": "answer_question", "question_id": event["question_id"], "answer": 3}
    return approve(event)


@pytest.mark.long
@pytest.mark.parametrize("agent", ["parallel", "asking", "lasting"])
async def test_every_effect_is_had_once_wherever_the_server_is_killed(agent: str, tmp_path: Path) -> None:
    answers = ANSWERS if agent == "asking" else None
    walk = await walk_boundaries(tmp_path, APP, agent, "go", answers=answers, respond=answer)
    print(f"\n{agent}: {walk}")
    walk.check()
    assert walk.reference[-1]["type"] == "agent_completed"
    assert len(walk.boundaries) >= 2 * len(walk.reference) - 4  # text is streamed in more events or fewer
    begun = [boundary for boundary in walk.boundaries if boundary.after in ("tool_executing", "step_started")]
    assert 0 < walk.unknown <= 4 * len(begun)


@pytest.mark.long
async def test_an_agent_that_acts_outside_of_its_steps_is_found(tmp_path: Path) -> None:
    walk = await walk_boundaries(tmp_path, APP, "careless", "go")
    with pytest.raises(AssertionError, match="took effect 2 times"):
        walk.check()
