"""Graphs of LangGraph on real servers: kill -9 at every event of a run, and a model over HTTP that counts its requests."""

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
from test_framework.scripted_model import ModelAnswer, ModelRequest, ScriptedModel, scripted_model
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
LOADED = ("langgraph.graph", "langgraph.prebuilt", "langchain_openai", "langgraph.checkpoint.memory")


def say(request: ModelRequest) -> ModelAnswer:
    """What the model says: it asks for two tools, and is content with what they return."""
    if request.prompt.endswith("?"):
        return ModelAnswer(f"The {request.prompt[:-1]} is fine.", parts=1)
    if request.body["messages"][-1]["role"] == "tool":
        return ModelAnswer("All is booked.", parts=1)
    return ModelAnswer("Let me see.", parts=1, tool_calls=[("book", {"place": "rome"}), ("rate", {"currency": "EUR"})])


def answer(event: dict[str, Any]) -> Mapping[str, Any] | None:
    """Seven to every question."""
    if event["type"] == "question_asked":
        return {"type": "answer_question", "question_id": event["question_id"], "answer": 7}
    return approve(event)


@pytest.mark.long
@pytest.mark.parametrize(
    ("agent", "notes"),
    [
        ("travel", ["The news is fine.", "The weather is fine."]),
        ("paying", ["The budget is fine. 7", "The weather is fine.", "paid 7"]),
    ],
)
async def test_wherever_the_server_is_killed_effects_are_had_once_and_no_answer_is_asked_for_again(
    tmp_path: Path, agent: str, notes: list[str]
) -> None:
    walk = await walk_boundaries(
        tmp_path, "langgraph_agents", agent, "Go.", answers=say, respond=answer, directory=HERE, loaded=LOADED
    )
    print(f"\nlanggraph, {agent}: {walk}")
    walk.check()
    end = walk.reference[-1]
    assert end["type"] == "agent_completed"
    assert sorted(end["result"]["data"]["notes"]) == notes
    assert len(walk.boundaries) >= 2 * len(walk.reference) - 8  # text is streamed in more events or fewer
    begun = [each for each in walk.boundaries if each.after == "tool_executing"]
    assert 0 < walk.unknown <= 4 * len(begun)


@asynccontextmanager
async def serving(place: Path, model: ScriptedModel, app: str, directory: Path) -> AsyncIterator[ServerProcess]:
    server = ServerProcess(place / "data", model.settings, app=app, workers=1, directory=directory)
    try:
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await asyncio.to_thread(server.close)


def request_of(agent: str, message: str, **more: str) -> dict[str, str]:
    return {"type": "execute_agent", "id": new_id("key"), "agent": agent, "message": message, **more}


BOOKED = (
    ModelAnswer(tool_calls=[("free_tables", {"place": "Roma"})]),
    ModelAnswer(tool_calls=[("book", {"place": "Roma", "table": 5})]),
    ModelAnswer("It is booked."),
)


async def test_the_example_is_served_and_books_what_its_user_says(tmp_path: Path) -> None:
    def say_booked(request: ModelRequest) -> ModelAnswer:
        return BOOKED[sum(each["role"] == "assistant" for each in request.body["messages"])]

    async with (
        scripted_model(say_booked) as model,
        serving(tmp_path, model, "agent", EXAMPLES / "langgraph") as server,
    ):
        user = LocalUsers(server.data_dir).make("ada@example.org")
        follower = RequestFollower(user, request_of("booker", "A table in Roma"), answer)
        assert await follower.follow(server.websocket_url, 60)
        end = follower.in_order()[-1]
        assert end["result"]["text"] == "It is booked."
        told = [each for each in model.requests[-1].body["messages"] if each["role"] == "tool"]
        assert told[-1]["content"] == f"Table 5 at Roma is booked for 7, in the name of {user.id}."
        assert len(model.requests) == 3


async def test_the_guide_works_in_an_empty_directory(tmp_path: Path) -> None:
    guide = (HERE.parents[1] / "docs/howto/langgraph.md").read_text()
    code, _ = re.findall(r"^```python\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    place = tmp_path / "project"
    place.mkdir()
    (place / "agent.py").write_text(code)

    def say_converted(request: ModelRequest) -> ModelAnswer:
        last = request.body["messages"][-1]
        if last["role"] == "tool":
            return ModelAnswer(f"One is {last['content']}.")
        return ModelAnswer(tool_calls=[("rate", {"currency": "EUR"})])

    async with scripted_model(say_converted) as model, serving(tmp_path, model, "agent", place) as server:
        message = "What are 20 EUR in dollars?"
        asked = await asyncio.to_thread(server.command, "ask", "--agent", "helper", message, "--json")
        assert asked.returncode == 0, asked.stderr
        assert json.loads(asked.stdout.splitlines()[-1])["result"]["text"] == "One is 1.08."


async def test_users_side_by_side_never_meet_in_state_store_tools_or_prompts(tmp_path: Path) -> None:
    def say_recalled(request: ModelRequest) -> ModelAnswer:
        last = request.body["messages"][-1]
        if last["role"] == "tool":
            return ModelAnswer(f"You said {last['content']}", pause_s=0.01)
        return ModelAnswer(tool_calls=[("recall", {})], pause_s=0.01)

    async with (
        scripted_model(say_recalled) as model,
        serving(tmp_path, model, "langgraph_agents", HERE) as server,
    ):
        users = [LocalUsers(server.data_dir).make(f"user{number}@example.org") for number in range(4)]
        frames: dict[str, list[Any]] = {}

        async def converse(number: int) -> None:
            user, thread = users[number], ""
            for turn in range(3):
                more = {"thread_id": thread} if thread else {}
                message = f"canary{number}-{turn}"
                follower = RequestFollower(user, request_of("keeper", message, **more), answer)
                assert await follower.follow(server.websocket_url, 60)
                events = follower.in_order()
                frames.setdefault(user.id, []).extend(events)
                thread = events[0]["thread_id"]
                said = ", ".join(f"canary{number}-{each}" for each in range(turn + 1))
                assert events[-1]["result"]["text"] == f"You said {user.id}: {said}"

        await asyncio.gather(*(converse(number) for number in range(len(users))))
        for number, user in enumerate(users):
            others = [f"canary{other}-" for other in range(len(users)) if other != number]
            others += [other.id for other in users if other is not user]
            told = json.dumps(frames[user.id])
            assert [each for each in others if each in told] == []
        for request in model.requests:
            told = json.dumps(request.body["messages"])
            assert sum(f"canary{number}-" in told for number in range(len(users))) == 1
        last = [request for request in model.requests if "canary0-2" in json.dumps(request.body["messages"])]
        assert "canary0-0" in json.dumps(last[0].body["messages"])
