"""An unmodified agent of pydantic-ai on real servers: killed at every event, with a real model server and counted effects."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from test_framework.crashes.request_follower import RequestFollower, approve
from test_framework.crashes.walk import walk_boundaries
from test_framework.ids import new_id
from test_framework.scripted_model import Answers, ModelAnswer, ModelRequest, ScriptedModel, scripted_model
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers, TestUser

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
HOW_TO = HERE.parents[1] / "docs/howto/pydantic-ai.md"
TURNS: Mapping[str, tuple[ModelAnswer, ...]] = {
    "milk": (
        ModelAnswer(tool_calls=[("pay", {"amount": 1}), ("pay", {"amount": 2}), ("rate", {"currency": "EUR"})]),
        ModelAnswer(tool_calls=[("final_result", {"item": "milk", "cents": 109})]),
    ),
    "wire": (
        ModelAnswer("I need your word.", tool_calls=[("transfer", {"amount": 3})]),
        ModelAnswer(tool_calls=[("choose", {"question": "Which one?"})]),
        ModelAnswer(tool_calls=[("final_result", {"item": "wire", "cents": 3})]),
    ),
}
"""Parallel calls; an approval and a question; each ends with structured output."""


def say(request: ModelRequest) -> ModelAnswer:
    """The turn that comes after so many of its own."""
    turn: int = sum(each["role"] == "assistant" for each in request.body["messages"])
    return TURNS[request.prompt][turn]


def answer(event: dict[str, Any]) -> Mapping[str, Any] | None:
    """The red one, and yes to every approval."""
    if event["type"] == "question_asked":
        return {"type": "answer_question", "question_id": event["question_id"], "answer": "The red one."}
    return approve(event)


@pytest.mark.long
@pytest.mark.parametrize("message", TURNS)
async def test_every_effect_is_had_once_wherever_the_server_is_killed(message: str, tmp_path: Path) -> None:
    walk = await walk_boundaries(
        tmp_path,
        "pydantic_ai_agents",
        "shopper",
        message,
        answers=say,
        respond=answer,
        directory=HERE,
        loaded=("netra_server.pydantic_ai",),
        patience_s=60,
    )
    print(f"\npydantic-ai, {message}: {walk}")
    walk.check()
    end = walk.reference[-1]
    assert end["type"] == "agent_completed"
    assert end["result"]["data"]["item"] == message
    assert [each["model"] for each in end["usage_by_model"]] == ["scripted"]
    assert end["usage"]["input_tokens"] == 10 * len(TURNS[message])
    begun = [boundary for boundary in walk.boundaries if boundary.after in ("tool_executing", "tool_completed")]
    assert 0 < walk.unknown <= 2 * len(begun)


BOOKED = (
    ModelAnswer(tool_calls=[("free_tables", {"place": "Roma"})]),
    ModelAnswer(tool_calls=[("book", {"place": "Roma", "table": 5})]),
    ModelAnswer(tool_calls=[("final_result", {"place": "Roma", "table": 5})]),
)


@asynccontextmanager
async def served(
    place: Path, app: str, directory: Path, answers: Answers
) -> AsyncIterator[tuple[ServerProcess, ScriptedModel]]:
    """A server with these agents, and the model that they ask."""
    async with scripted_model(answers) as model:
        server = ServerProcess(place / "data", model.settings, app=app, workers=1, directory=directory)
        try:
            await asyncio.to_thread(server.start)
            yield server, model
        finally:
            await asyncio.to_thread(server.close)


async def asked(server: ServerProcess, user: TestUser, agent: str, message: str) -> list[dict[str, Any]]:
    """The events of a run that approves everything."""
    request = {"type": "execute_agent", "id": new_id("key"), "agent": agent, "message": message}
    follower = RequestFollower(user, request, approve)
    assert await follower.follow(server.websocket_url, 30)
    return follower.in_order()


async def test_the_example_is_served_and_books_what_its_user_approves(tmp_path: Path) -> None:
    def say_booked(request: ModelRequest) -> ModelAnswer:
        return BOOKED[sum(each["role"] == "assistant" for each in request.body["messages"])]

    async with served(tmp_path, "agent", EXAMPLES / "pydantic_ai", say_booked) as (server, model):
        user = LocalUsers(server.data_dir).make("ada@example.org")
        events = await asked(server, user, "booker", "A table in Roma")
        assert events[-1]["result"]["data"] == {"place": "Roma", "table": 5}
        told = [each for each in model.requests[-1].body["messages"] if each["role"] == "tool"]
        assert told[-1]["content"] == f"Table 5 at Roma is booked for {user.id}."


async def test_the_agent_of_the_how_to_page_is_served_from_an_empty_directory(tmp_path: Path) -> None:
    (block, *_) = re.findall(r"^`agent\.py`:\n\n```python\n(.*?)^```", HOW_TO.read_text(), re.MULTILINE | re.DOTALL)
    place = tmp_path / "project"
    place.mkdir()
    (place / "agent.py").write_text(block)
    turns = [ModelAnswer(tool_calls=[("rate", {"currency": "EUR"})]), ModelAnswer("It is 21.60 dollars.")]
    async with served(tmp_path, "agent", place, turns) as (server, model):
        done = await asyncio.to_thread(server.command, "ask", "--agent", "helper", "What are 20 EUR in dollars?")
        assert done.returncode == 0, done.stderr
        assert "It is 21.60 dollars." in done.stdout
        assert model.requests[-1].body["messages"][-1]["content"] == "1.08"


async def test_what_two_users_say_never_crosses(tmp_path: Path) -> None:
    """Canaries in prompts, dependencies and tool results, in two runs of each; seen by users and by the model."""

    def say_back(request: ModelRequest) -> ModelAnswer:
        last = request.body["messages"][-1]
        if last["role"] == "tool":
            return ModelAnswer(last["content"])
        return ModelAnswer(tool_calls=[("repeat", {"text": request.prompt})])

    async with served(tmp_path, "pydantic_ai_agents", HERE, say_back) as (server, model):
        users = [LocalUsers(server.data_dir).make(f"{name}@example.org") for name in ("ada", "bob")]
        canaries = [f"canary-{number}" for number in range(len(users))]
        runs = []
        for _ in range(2):
            runs += await asyncio.gather(
                *(asked(server, user, "echo", own) for user, own in zip(users, canaries, strict=True))
            )
        for at, events in enumerate(runs):
            user, own = users[at % 2], canaries[at % 2]
            assert events[-1]["result"]["text"] == f"{user.id} said {own}"
            others = [each for each in (*canaries, *(user.id for user in users)) if each not in (own, user.id)]
            assert not [each for each in others if each in json.dumps(events)]
        assert len(model.requests) == 2 * len(runs)
        for request in model.requests:
            body = json.dumps(request.body)
            assert [own in body or user.id in body for user, own in zip(users, canaries, strict=True)].count(True) == 1
