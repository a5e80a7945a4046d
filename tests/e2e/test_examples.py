"""The examples that need no framework, each served from its own directory and asked as docs/howto/own-agent.md says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from test_framework.crashes.request_follower import RequestFollower, approve
from test_framework.ids import new_id
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers, TestUser

EXAMPLES = Path(__file__).parents[2] / "examples"
HOW_TO = Path(__file__).parents[2] / "docs/howto/own-agent.md"


@asynccontextmanager
async def served(place: Path, name: str) -> AsyncIterator[ServerProcess]:
    server = ServerProcess(place / "data", app="agent", workers=1, directory=EXAMPLES / name)
    try:
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await asyncio.to_thread(server.close)


def answer(event: dict[str, Any]) -> Mapping[str, Any] | None:
    """Four guests, and yes to every approval."""
    if event["type"] == "question_asked":
        return {"type": "answer_question", "question_id": event["question_id"], "answer": 4}
    return approve(event)


async def asked(server: ServerProcess, user: TestUser, agent: str, message: str) -> list[dict[str, Any]]:
    request = {"type": "execute_agent", "id": new_id("key"), "agent": agent, "message": message}
    follower = RequestFollower(user, request, answer)
    assert await follower.follow(server.websocket_url, 30)
    events = follower.in_order()
    assert events[-1]["type"] == "agent_completed", events[-1]
    return events


async def test_the_agent_with_a_memory_remembers_each_users_notes_and_no_others(tmp_path: Path) -> None:
    async with served(tmp_path, "memory") as server:
        ada, bob = (LocalUsers(server.data_dir).make(f"{name}@example.org") for name in ("ada", "bob"))
        await asked(server, ada, "notes", "remember the milk")
        events = await asked(server, ada, "notes", "remember the bread")
        assert [each["value"] for each in events if each["type"] == "state_changed"] == [["the milk", "the bread"]]
        assert (await asked(server, ada, "notes", "what?"))[-1]["result"]["text"] == "- the milk\n- the bread"
        assert (await asked(server, bob, "notes", "what?"))[-1]["result"]["data"] == {"notes": []}


async def test_the_client_of_openais_asks_agents_with_a_key(tmp_path: Path) -> None:
    script = EXAMPLES / "openai_client" / "ask.py"
    async with served(tmp_path, "memory") as server:
        made = await asyncio.to_thread(server.command, "key", "create", "openai", "--user", "ada", "--json")
        environment = {
            **os.environ,
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "OPENAI_API_KEY": json.loads(made.stdout)["key"],
        }
        said = []
        for message in ("remember the milk", "what?"):
            command = [sys.executable, str(script), "notes", message]
            done = await asyncio.to_thread(
                subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, done.stderr
            said.append(done.stdout)
        assert said[1] == "- the milk\n"


async def test_the_agent_that_asks_books_for_as_many_as_its_user_says(tmp_path: Path) -> None:
    async with served(tmp_path, "questions") as server:
        user = LocalUsers(server.data_dir).make("ada@example.org")
        events = await asked(server, user, "tables", "Roma")
        assert events[-1]["result"]["data"] == {"booked": "Roma", "guests": 4, "for": user.id}
        kinds = [each["type"] for each in events]
        assert kinds.index("question_answered") < kinds.index("approval_requested") < kinds.index("tool_executing")


async def test_the_agent_that_delegates_shows_whom_it_asked_and_the_command_line_prints_the_answer(
    tmp_path: Path,
) -> None:
    async with served(tmp_path, "delegation") as server:
        user = LocalUsers(server.data_dir).make("ada@example.org")
        events = await asked(server, user, "planner", "Lisbon")
        begun = {each["name"] for each in events if each["type"] == "step_started" and each["kind"] == "agent"}
        assert begun == {"sights", "food"}
        assert events[-1]["result"]["data"]["eat"] == "The market hall of Lisbon."
        done = await asyncio.to_thread(server.command, "ask", "--agent", "planner", "Lisbon")
        assert done.returncode == 0, done.stderr
        assert "The market hall of Lisbon." in done.stdout


def test_each_command_of_the_page_names_an_agent_of_the_example_beside_it() -> None:
    named = re.findall(r"\(\.\./\.\./examples/(\w+)/agent\.py\).*?--agent (\w+) ", HOW_TO.read_text(), re.DOTALL)
    assert {example for example, _ in named} == {"memory", "questions", "delegation"}
    for example, agent in named:
        assert f'name = "{agent}"' in (EXAMPLES / example / "agent.py").read_text()
