"""``cost_optimizer`` with a language model on real servers: killed at every event, and with two users at once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from netra_backend.app.agents.answers.by_model import note
from netra_backend.app.agents.supervisor.model_stream import REFUSED
from test_framework.crashes.request_follower import RequestFollower, approve
from test_framework.crashes.walk import walk_boundaries
from test_framework.ids import new_id
from test_framework.scripted_model import ModelAnswer, ModelRequest, scripted_model
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers, TestUser

HERE = Path(__file__).parent
QUESTION = "What did we spend in total?"
LOOKS = ModelAnswer("I'll look. ", tool_calls=[("cost_summary", {"group_by": ["team"]})])
SAID = "You spent $5.00 in all."


def csv(team: str, millions: int) -> str:
    """So many million tokens at $2.50 each."""
    return f"timestamp,model,input_tokens,output_tokens,team\n2026-01-05T00:00:00Z,gpt-4o,{millions}000000,0,{team}\n"


async def imports(url: str, user: TestUser, body: str) -> None:
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {user.token}"}, trust_env=False
    ) as http:
        answer = await http.post("/api/usage/datasets", content=body.encode(), params={"name": "usage.csv"}, timeout=60)
        assert answer.is_success, answer.text


async def has_spent(url: str, user: TestUser) -> None:
    await imports(url, user, csv("search", 2))


@pytest.mark.long
async def test_the_answer_is_the_same_wherever_the_server_is_killed(tmp_path: Path) -> None:
    def say(request: ModelRequest) -> ModelAnswer:
        turn = sum(each["role"] == "assistant" for each in request.body["messages"])
        return LOOKS if turn == 0 else ModelAnswer(SAID)

    ends: list[str] = []

    def hear(event: dict[str, Any]) -> None:
        if event["type"] == "agent_completed":
            ends.append(event["result"]["text"])

    walk = await walk_boundaries(
        tmp_path,
        "house_world",
        "cost_optimizer",
        QUESTION,
        answers=say,
        respond=hear,
        prepare=has_spent,
        directory=HERE,
        same_results=False,  # each user's data has an id of its own
        loaded=("netra_backend.app.agents.frameworks.pydantic_ai.house", "duckdb"),
        patience_s=60,
    )
    print(f"\ncost_optimizer: {walk}")
    walk.check()
    end = walk.reference[-1]
    assert end["result"]["data"]["phrased_by_model"] is True
    assert end["result"]["text"] == SAID
    assert walk.unknown == 0
    assert len(ends) > len(walk.boundaries)
    assert set(ends) == {SAID}


async def asked(server: ServerProcess, user: TestUser, message: str) -> list[dict[str, Any]]:
    request = {"type": "execute_agent", "id": new_id("key"), "agent": "cost_optimizer", "message": message}
    follower = RequestFollower(user, request, approve)
    assert await follower.follow(server.websocket_url, 60)
    return follower.in_order()


async def test_what_two_users_have_and_ask_never_crosses(tmp_path: Path) -> None:
    """Canaries in messages and data, seen by users and by the model, which tells everybody the figure of the first one."""

    def say(request: ModelRequest) -> ModelAnswer:
        is_first = request.body["messages"][-1]["role"] == "user"
        return LOOKS if is_first else ModelAnswer(SAID)

    async with scripted_model(say) as model:
        server = ServerProcess(tmp_path / "data", model.settings, workers=1)
        try:
            await asyncio.to_thread(server.start)
            users = [LocalUsers(server.data_dir).make(f"{name}@example.org") for name in ("ada", "bob")]
            canaries = ["canary-ada", "canary-bob"]
            for place, (user, canary) in enumerate(zip(users, canaries, strict=True)):
                await imports(server.url, user, csv(canary, (2, 7)[place]))
            messages = [f"What did {canary} spend?" for canary in canaries]
            runs = await asyncio.gather(
                *(asked(server, user, message) for user, message in zip(users, messages, strict=True))
            )
        finally:
            await asyncio.to_thread(server.close)
    ada, bob = runs
    assert ada[-1]["result"]["text"] == SAID
    assert bob[-1]["result"]["text"].startswith(note(REFUSED)), "it is another's figure"
    assert "$17.50" in bob[-1]["result"]["text"]
    for events, own in zip(runs, canaries, strict=True):
        (other,) = [each for each in canaries if each != own]
        assert own in json.dumps(events)
        assert other not in json.dumps(events)
    assert len(model.requests) == 4
    for request in model.requests:
        assert [canary in json.dumps(request.body) for canary in canaries].count(True) == 1
