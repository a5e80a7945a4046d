"""Agents of the OpenAI Agents SDK on real servers: killed at every event of a run, and asked by several users at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from test_framework.crashes.request_follower import RequestFollower, approve
from test_framework.crashes.walk import walk_boundaries
from test_framework.ids import new_id
from test_framework.scripted_model import ModelAnswer, ModelRequest, ScriptedModel, scripted_model
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers

ROOT = Path(__file__).parents[2]

LOADED = ("netra_server.openai_agents", "openai.resources")


def answer(request: ModelRequest) -> ModelAnswer:
    """What the model says: it goes by how many tools have answered in what it is shown, and by who asks."""
    results = sum(each.get("role") == "tool" or each.get("type") == "function_call_output" for each in request.messages)
    if request.system == "expert":
        if results:
            return ModelAnswer("There is milk.")
        return ModelAnswer(tool_calls=[("look_up", {"word": "milk"})], call="expert")
    if request.system == "clerk":
        if results == 1:
            return ModelAnswer(tool_calls=[("ask_expert", {"input": "Is there milk?"})], call="second")
        return ModelAnswer("I asked, and there is milk.")
    if request.prompt == "ask":
        return ModelAnswer(tool_calls=[("transfer_to_clerk", {})], call="first")
    if results == 0:
        calls: list[tuple[str, Mapping[str, Any]]] = [("buy", {"what": "milk"}), ("weigh", {"what": "milk"})]
        return ModelAnswer("I buy it.", tool_calls=calls, call="first")
    if results == 2:
        return ModelAnswer(tool_calls=[("pay", {"amount": 5})], call="second")
    return ModelAnswer("It is bought and paid.")


@pytest.mark.long
@pytest.mark.parametrize("message", ["buy", "ask"])
@pytest.mark.parametrize("agent", ["chat", "responses"])
async def test_every_effect_is_had_once_wherever_the_server_is_killed(agent: str, message: str, tmp_path: Path) -> None:
    """Bought with parallel calls and an approval, or asked with a handoff and an agent that is a tool; by either API."""
    directory = Path(__file__).parent
    walk = await walk_boundaries(
        tmp_path, "openai_shop", agent, message, answers=answer, directory=directory, loaded=LOADED
    )
    print(f"\nopenai-agents, {agent}, {message}: {walk}")
    walk.check()
    kinds = {event["type"] for event in walk.reference}
    assert walk.reference[-1]["type"] == "agent_completed"
    assert {"tool_executing", "model_completed", "agent_delta"} < kinds
    assert ("approval_requested" in kinds, "step_started" in kinds) == (message == "buy", message == "ask")
    begun = [boundary for boundary in walk.boundaries if boundary.after in ("tool_executing", "tool_completed")]
    assert 0 < walk.unknown <= 4 * len(begun)


Serve = Callable[[Path, str, ScriptedModel], Any]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """``await serve(directory, app, model)``: a server of one process, and its users."""
    with ExitStack() as stack:

        async def serve(directory: Path, app: str, model: ScriptedModel) -> tuple[str, LocalUsers]:
            data = tmp_path / "data"
            server = ServerProcess(data, app=app, workers=1, directory=directory, settings=model.settings)
            stack.callback(server.close)
            await asyncio.to_thread(server.start)
            return server.url.replace("http", "ws", 1), LocalUsers(data)

        yield serve


async def run(url: str, user: Any, agent: str, message: str, thread_id: str | None = None) -> list[Any]:
    """All events of a run, every approval of which is given."""
    request = {"type": "execute_agent", "agent": agent, "message": message, "id": new_id("key")}
    follower = RequestFollower(user, request if thread_id is None else {**request, "thread_id": thread_id}, approve)
    assert await follower.follow(url, 30)
    return follower.in_order()


async def test_the_example_finds_hands_over_and_books_with_an_approval(serve: Serve) -> None:
    def answer(request: ModelRequest) -> ModelAnswer:
        results = [each["output"] for each in request.messages if each.get("type") == "function_call_output"]
        if "Book the train" in request.system:
            if len(results) == 2:
                return ModelAnswer(tool_calls=[("book", {"train": "08:00 to Oslo"})], call="third")
            return ModelAnswer(f"Done. {results[-1]}")
        if not results:
            return ModelAnswer(tool_calls=[("find_trains", {"place": "Oslo"})], call="first")
        return ModelAnswer(tool_calls=[("transfer_to_booking", {})], call="second")

    async with scripted_model(answer) as model:
        url, users = await serve(ROOT / "examples" / "openai_agents", "agent", model)
        user = users.make("ada@example.org")
        events = await run(url, user, "travel", "The first train to Oslo, please.")
    kinds = [event["type"] for event in events]
    assert events[-1]["result"]["text"] == f"Done. Booked: 08:00 to Oslo, for {user.id}."
    assert kinds.count("approval_requested") == 1
    assert [event["name"] for event in events if event["type"] == "step_started"] == ["Booking"]


async def test_the_first_example_of_the_page_is_served_in_an_empty_directory(serve: Serve, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "howto" / "openai-agents.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    place = tmp_path / "project"
    place.mkdir()
    (place / "agent.py").write_text(code)

    def answer(request: ModelRequest) -> ModelAnswer:
        results = [each["output"] for each in request.messages if each.get("type") == "function_call_output"]
        return ModelAnswer(results[0]) if results else ModelAnswer(tool_calls=[("weather", {"city": "Oslo"})])

    async with scripted_model(answer) as model:
        url, users = await serve(place, "agent", model)
        events = await run(url, users.make("ada@example.org"), "helper", "How is the weather in Oslo?")
    assert events[-1]["result"]["text"] == "It rains in Oslo."


async def test_users_who_ask_at_once_never_meet(serve: Serve) -> None:
    def answer(request: ModelRequest) -> ModelAnswer:
        results = [each["output"] for each in request.messages if each.get("type") == "function_call_output"]
        said = [str(each["content"]) for each in request.messages if each.get("role") == "user"]
        if "Book the train" in request.system:
            return ModelAnswer(f"{results[-1]} You said: {said}")
        if request.messages[-1].get("role") == "user":
            return ModelAnswer(tool_calls=[("find_trains", {"place": said[-1]})], call=f"find_{len(said)}")
        return ModelAnswer(tool_calls=[("transfer_to_booking", {})], call=f"over_{len(said)}")

    async with scripted_model(answer) as model:
        url, users = await serve(ROOT / "examples" / "openai_agents", "agent", model)
        canaries = {f"canary-{number}-{new_id('key')}": users.make(f"u{number}@example.org") for number in range(3)}
        threads: dict[str, str] = {}
        for _ in range(2):
            runs = await asyncio.gather(
                *(run(url, user, "travel", canary, threads.get(canary)) for canary, user in canaries.items())
            )
            for canary, events in zip(canaries, runs, strict=True):
                threads[canary] = events[0]["thread_id"]
                assert canary in events[-1]["result"]["text"]
                assert not [other for other in canaries if other != canary and other in str(events)]
    assert len(model.requests) == 3 * 2 * 3
    for request in model.requests:
        assert sum(canary in str(request.body) for canary in canaries) == 1
