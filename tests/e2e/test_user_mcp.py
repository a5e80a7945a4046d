"""Tools of users' MCP servers on real servers: killed at every event, with a witness at the MCP server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from pathlib import Path

import httpx
import pytest

from test_framework.crashes.request_follower import RequestFollower, approve
from test_framework.crashes.walk import walk_boundaries
from test_framework.effects import EffectsFile
from test_framework.ids import new_id
from test_framework.scripted_model import ModelAnswer, ModelRequest, scripted_model
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers, TestUser
from tests.mcp_servers import Witness, served

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples/mcp"
SETTINGS = {"NETRA_EGRESS_NETWORKS": "127.0.0.0/8", "NETRA_SECRETS_KEY": "k" * 32}
LOADED = ("mcp", "httpcore", "netra_backend.app.adapters.mcp.session")
FRAMEWORKS = ("pydantic_ai", "langgraph.graph", "langgraph.prebuilt", "langchain_openai", "agents")


async def add(user: TestUser, url: str, at: str, *, trusted: bool, credential: str = "a-credential") -> None:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {user.token}"}, trust_env=False) as http:
        server = {"name": "notes", "url": f"{at}/mcp", "trusted": trusted, "auth": {"bearer": credential}}
        added = await http.post(f"{url}/api/mcp-servers", json=server)
        assert added.status_code == 201, added.text


def follower(user: TestUser, message: str, agent: str = "noter") -> RequestFollower:
    request = {"type": "execute_agent", "id": new_id("key"), "agent": agent, "message": message}
    return RequestFollower(user, request, approve)


@pytest.mark.long
@pytest.mark.parametrize("trusted", [True, False])
async def test_every_call_reaches_the_server_once_wherever_netra_is_killed(trusted: bool, tmp_path: Path) -> None:
    effects = EffectsFile(tmp_path / "effects")
    async with served(Witness(lambda text: effects.note(f"note {text}"))) as at:

        async def prepare(url: str, user: TestUser) -> None:
            await add(user, url, at, trusted=trusted)

        walk = await walk_boundaries(
            tmp_path,
            "user_mcp_agents",
            "noter",
            "one two three",
            prepare=prepare,
            settings=SETTINGS,
            directory=HERE,
            same_results=False,  # each run is another user's, whose list names a server of their own; the agent judges results
            loaded=LOADED,
            patience_s=60,
        )
    effects.close()
    print(f"\nMCP servers of users, {'trusted' if trusted else 'with approvals'}: {walk}")
    walk.check()
    end = walk.reference[-1]
    assert end["result"] == {
        "text": "notes__note notes__refuse notes__count",
        "data": {"told": ["noted one", "noted two", "noted three"]},
    }
    assert walk.unknown > 0


def say(request: ModelRequest) -> ModelAnswer:
    """What the model says: it has the message noted, and then says what it read."""
    last = request.messages[-1]
    if last["role"] == "tool":
        return ModelAnswer(f"It says: {last['content']}", parts=1)
    return ModelAnswer(tool_calls=[("notes__note", {"text": request.prompt})], parts=1)


@pytest.mark.long
@pytest.mark.parametrize("framework", ["pydantic-ai", "langgraph", "openai-agents"])
async def test_every_call_of_a_framework_reaches_the_server_once_wherever_netra_is_killed(
    framework: str, tmp_path: Path
) -> None:
    effects = EffectsFile(tmp_path / "effects")
    async with served(Witness(lambda text: effects.note(f"note {text}"))) as at:

        async def prepare(url: str, user: TestUser) -> None:
            await add(user, url, at, trusted=False)

        walk = await walk_boundaries(
            tmp_path,
            "user_mcp_frameworks",
            framework,
            "milk",
            answers=say,
            prepare=prepare,
            settings=SETTINGS,
            directory=HERE,
            same_results=False,  # each run is another user's, whose list names a server of their own
            loaded=(*LOADED, *FRAMEWORKS),
            patience_s=60,
        )
    effects.close()
    print(f"\nMCP servers of users, {framework}: {walk}")
    walk.check()
    assert walk.reference[-1]["result"]["text"] == "It says: noted milk"
    assert [each["tool"] for each in walk.reference if each["type"] == "approval_requested"] == ["notes__note"]
    begun = [each for each in walk.boundaries if each.after == "tool_executing"]
    assert 0 < walk.unknown <= 4 * len(begun)


async def test_what_two_users_have_never_crosses_as_their_mcp_servers_see_it(tmp_path: Path) -> None:
    """Canaries in credentials, prompts and results, in three runs of each, two at a time."""
    places = [Witness(), Witness()]
    netra = ServerProcess(tmp_path / "data", SETTINGS, app="user_mcp_agents", workers=1, directory=HERE)
    async with served(places[0]) as one, served(places[1]) as two:
        try:
            await asyncio.to_thread(netra.start)
            users = [LocalUsers(netra.data_dir).make(f"{name}@example.org") for name in ("ada", "bob")]
            for user, at in zip(users, (one, two), strict=True):
                await add(user, netra.url, at, trusted=True, credential=f"credential-canary-{user.id}")
            followers = []
            for run in range(3):
                both = [follower(user, " ".join(f"canary-{user.id}-{run}-{n}" for n in range(3))) for user in users]
                assert all(await asyncio.gather(*(each.follow(netra.websocket_url, 60) for each in both)))
                followers += both
        finally:
            await asyncio.to_thread(netra.close)
    for user, other, place in ((users[0], users[1], places[0]), (users[1], users[0], places[1])):
        seen = json.dumps(place.heads) + b"".join(place.bodies).decode()
        assert len(place.notes) == 9
        assert f"credential-canary-{user.id}" in seen
        assert not [each for each in (other.id, user.token, other.token) if each in seen]
        sessions = {head["mcp-session-id"] for head in place.heads if "mcp-session-id" in head}
        assert len(sessions) in (0, 3), "a session for each run"
    for number, each in enumerate(followers):
        told = json.dumps(each.in_order())
        assert each.in_order()[-1]["type"] == "agent_completed"
        assert users[(number + 1) % 2].id not in told
        assert "credential-canary" not in told


async def test_the_example_is_served_and_calls_the_small_server_beside_it(tmp_path: Path) -> None:
    origin, small = "http://127.0.0.1:8808", await asyncio.create_subprocess_exec(sys.executable, EXAMPLE / "server.py")
    netra = ServerProcess(tmp_path / "data", SETTINGS, app="agent", workers=1, directory=EXAMPLE)
    try:
        await asyncio.to_thread(netra.start)
        user = LocalUsers(netra.data_dir).make("ada@example.org")
        async with httpx.AsyncClient(trust_env=False) as http:
            await until_answered(http, origin)
        await add(user, netra.url, origin, trusted=False)
        for message, answer in (
            ("what is there?", "notes__order"),
            ('notes__order {"item": "bread", "pieces": 2}', "2 of bread are ordered"),
        ):
            request = {"type": "execute_agent", "id": new_id("key"), "agent": "toolbox", "message": message}
            asking = RequestFollower(user, request, approve)
            assert await asking.follow(netra.websocket_url, 30)
            events = asking.in_order()
            assert answer in events[-1]["result"]["text"]
        assert [each["tool"] for each in events if each["type"] == "approval_requested"] == ["notes__order"]
    finally:
        await asyncio.to_thread(netra.close)
        small.terminate()
        await small.wait()


async def test_the_graph_of_the_guide_calls_a_tool_of_its_users_server(tmp_path: Path) -> None:
    guide = (HERE.parents[1] / "docs/howto/langgraph.md").read_text()
    _, code = re.findall(r"^```python\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    place, witness = tmp_path / "project", Witness()
    place.mkdir()
    (place / "agent.py").write_text(code)
    async with served(witness) as at, scripted_model(say) as model:
        netra = ServerProcess(tmp_path / "data", SETTINGS | model.settings, app="agent", workers=1, directory=place)
        try:
            await asyncio.to_thread(netra.start)
            user = LocalUsers(netra.data_dir).make("ada@example.org")
            await add(user, netra.url, at, trusted=True)
            asking = follower(user, "milk", "toolbox")
            assert await asking.follow(netra.websocket_url, 30)
        finally:
            await asyncio.to_thread(netra.close)
    assert asking.in_order()[-1]["result"]["text"] == "It says: noted milk"
    assert witness.notes == ["milk"]


async def until_answered(http: httpx.AsyncClient, origin: str) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(httpx.TransportError):
                await http.get(origin)
                return
            await asyncio.sleep(0)
