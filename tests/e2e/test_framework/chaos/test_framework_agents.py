"""The agents of the frameworks do what the scenario is to judge: two calls in parallel, one question, and effects."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from test_framework.chaos.forked_server import ForkedServer
from test_framework.chaos.framework_script import FRAMEWORKS, LANGGRAPH, OPENAI_AGENTS, PYDANTIC_AI
from test_framework.chaos.model_server import ModelServer, read_asked
from test_framework.chaos.worker_server import EFFECTS_VARIABLE, read_effects
from test_framework.crashes.request_follower import RequestFollower, approve
from test_framework.simulation.workers import Plan
from test_framework.users import LocalUsers

pytestmark = pytest.mark.long

QUESTION = {"question_asked": 1, "question_answered": 1}
ASKED = {PYDANTIC_AI: QUESTION, LANGGRAPH: QUESTION, OPENAI_AGENTS: {"approval_requested": 1, "approval_resolved": 1}}
REQUESTS = {PYDANTIC_AI: 3, LANGGRAPH: 2, OPENAI_AGENTS: 3}


def respond(event: dict[str, Any]) -> Any:
    """Yes to everything."""
    if event["type"] == "question_asked":
        answer = f"{event['text']}=yes"
        return {"type": "answer_question", "question_id": event["question_id"], "answer": answer}
    return approve(event)


async def test_each_calls_twice_asks_once_and_acts_where_it_is_seen(tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    with ModelServer(tmp_path / "asked") as model:
        settings = {EFFECTS_VARIABLE: str(effects), **model.settings}
        app = "test_framework.chaos.worker_server"
        with ForkedServer(tmp_path / "data", settings, app=app, workers=1) as server:
            user = LocalUsers(server.data_dir).make("ada@example.org")
            for framework in FRAMEWORKS:
                plan = Plan(framework, user.id, ())
                request = {"type": "execute_agent", "id": framework, "agent": framework, "message": plan.encoded()}
                follower = RequestFollower(user, request, respond)
                assert await follower.follow(server.websocket_url, 60)
                events = follower.in_order()
                kinds = Counter(event["type"] for event in events)
                last = 2 if framework == OPENAI_AGENTS else f'"{plan.text(2)}=yes"'
                assert events[-1]["result"]["text"] == f"{plan.text(3)} [0, 1, {last}]"
                assert {kind: kinds[kind] for kind in ASKED[framework]} == ASKED[framework]
                assert kinds["agent_delta"] > kinds["model_completed"] == REQUESTS[framework]
                begun = [event["type"] for event in events if event["type"].startswith("tool_")]
                assert begun[:3] == ["tool_executing", "tool_executing", "tool_completed"]
                done = Counter(number for run_id, number in read_effects(effects) if run_id == events[0]["run_id"])
                assert done == {0: 1, 1: 1, **({2: 1} if framework == OPENAI_AGENTS else {})}
    asked = read_asked(tmp_path / "asked")
    assert Counter(each.framework for each in asked) == REQUESTS
    assert {each.named for each in asked} == {(user.id,)}
