"""Two users of each framework's agents, with canaries in prompts, state, secrets, files and results of tools: nothing crosses.

They are sought wherever somebody looks: in what the model is asked, in what is done outside, in the events of both devices of
each user, in exports, and in logs. What threads of a framework remember is in the tests of that framework.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from test_framework.chaos.forked_server import ForkedServer
from test_framework.chaos.framework_script import FRAMEWORKS
from test_framework.chaos.stores import open_stores
from test_framework.effects import EFFECTS_VARIABLE, read_effects
from test_framework.ids import new_id
from test_framework.scripted_model import ModelAnswer, ModelRequest, ScriptedModel, scripted_model, text_of
from test_framework.users import SharedUsers, TestUser
from test_framework.websocket_client import TERMINAL_EVENTS, WebSocketTestClient, websocket_client

pytestmark = pytest.mark.long

HERE: Final = Path(__file__).parent
PATIENCE_S: Final = 60.0
SEEN: Final = ("prompt", "state", "file", "result")
"""Where a user, and the model on the user's behalf, finds the user's own. A secret is for what is done outside alone."""

_CANARY: Final = re.compile(r"canary[0-9a-f]{20}")
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")


class Person:
    """A user with a canary in each place: ``heard`` is what their devices were told."""

    def __init__(self, user: TestUser) -> None:
        self.id, self.token = user.id, user.token
        self.canaries = {kind: f"canary{secrets.token_hex(10)}" for kind in ("prompt", "state", "secret", "file")}
        self.canaries["result"] = f"canary{hashlib.sha256(self.id.encode()).hexdigest()[:20]}"
        self.heard: list[list[str]] = []

    def own(self, *kinds: str) -> set[str]:
        return {self.canaries[kind] for kind in kinds}


def canaries_in(text: str) -> set[str]:
    """Every canary in a text, also in what is encoded in it."""
    texts = [text]
    for found in _ENCODED.findall(text):
        whole = found.rstrip("=")
        whole = whole[: len(whole) - (len(whole) % 4 == 1)]  # nothing is encoded as one character
        texts.append(base64.b64decode(whole + "=" * (-len(whole) % 4)).decode(errors="replace"))
    return {found for each in texts for found in _CANARY.findall(each)}


def say(request: ModelRequest) -> ModelAnswer:
    """The model has everything looked up, and says what came of it; slowly, so that the users' requests overlap."""
    last = request.messages[-1]
    if last.get("role") == "tool" or last.get("type") == "function_call_output":
        return ModelAnswer(text_of(last.get("content") or last.get("output")), pause_s=0.01)
    return ModelAnswer(tool_calls=[("look_up", {"text": request.prompt})], pause_s=0.01)


@asynccontextmanager
async def serving(
    form: str, place: Path, model: ScriptedModel, users: SharedUsers
) -> AsyncIterator[list[ForkedServer]]:
    """One embedded server; or two that share PostgreSQL and Valkey."""
    async with AsyncExitStack() as stack:
        shared = {
            **model.settings,
            EFFECTS_VARIABLE: str(place / "effects"),
            **users.settings,
            "NETRA_SECRETS_KEY": secrets.token_hex(32),
        }
        settings = [shared]
        if form == "two processes":
            stores = await stack.enter_async_context(open_stores(2))
            shared["NETRA_DATABASE_URL"] = stores.database_url
            settings = [{**shared, "NETRA_REDIS_URL": stores.redis_url(number)} for number in range(2)]
        servers = []
        for number, each in enumerate(settings):
            server = ForkedServer(place / f"data-{number}", each, app="canary_agents", workers=1, directory=HERE)
            stack.callback(server.close)
            servers.append(server.start())
        yield servers


async def heard(device: WebSocketTestClient) -> str:
    """What a device receives up to the end of a run; the run's thread."""
    while (frame := await device.receive_json())["type"] not in TERMINAL_EVENTS:
        assert frame["type"] != "error", frame
    assert frame["type"] == "agent_completed", frame
    return str(frame["thread_id"])


async def live(person: Person, servers: list[ForkedServer]) -> None:
    """Ask each framework twice in one thread, with a file, while both devices listen, each at a process of its own."""
    async with AsyncExitStack() as stack:
        devices = []
        for server in (servers[0], servers[-1]):
            connecting = websocket_client(server.websocket_url, person.token, patience=PATIENCE_S)
            devices.append(await stack.enter_async_context(connecting))
            await devices[-1].resume()
        async with _http(person, servers[0]) as http:
            value = {"value": person.canaries["secret"]}
            assert (await http.put("/api/secrets/OWN", json=value)).is_success
        for framework in FRAMEWORKS:
            thread: dict[str, str] = {}
            for kept in (f" keep {person.canaries['state']}", ""):
                async with _http(person, servers[0]) as http:
                    png = b"\x89PNG\r\n\x1a\n" + b"\x00" + person.canaries["file"].encode()
                    uploaded = await http.post("/api/files", content=png, headers={"Content-Type": "image/png"})
                parts = [
                    {"type": "text", "text": f"{framework} {person.canaries['prompt']}{kept}"},
                    {"type": "file", "file_id": uploaded.json()["file_id"]},
                ]
                request = {
                    "type": "execute_agent",
                    "agent": "receptionist",
                    "id": new_id("key"),
                    "parts": parts,
                    **thread,
                }
                await devices[0].send_json(request)
                threads = await asyncio.gather(*map(heard, devices))
                assert len({*threads}) == 1
                thread = {"thread_id": threads[0]}
        person.heard = [device.received for device in devices]


def _http(person: Person, server: ForkedServer) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {person.token}"}
    return httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False, timeout=PATIENCE_S)


@pytest.mark.parametrize("form", ["embedded", pytest.param("two processes", marks=pytest.mark.real_services)])
async def test_what_belongs_to_one_user_is_nowhere_in_what_is_anothers(form: str, tmp_path: Path) -> None:
    users = SharedUsers("canaries")
    people = [Person(users.make(f"{name}@example.org")) for name in ("ada", "bob")]
    async with scripted_model(say) as model, serving(form, tmp_path, model, users) as servers:
        await asyncio.gather(*(live(person, servers) for person in people))
        exports = []
        for person in people:
            async with _http(person, servers[-1]) as http:
                exports.append((await http.get("/api/me/export")).text)
        logs = [server.log() for server in servers]

    asked: dict[str, dict[str, set[str]]] = {person.id: {} for person in people}
    for request in model.requests:
        found = canaries_in(json.dumps(request.body))
        named = [person for person in people if found & person.own(*SEEN)]
        assert len(named) == 1
        assert found <= named[0].own(*SEEN)
        asked[named[0].id].setdefault(request.body["model"], set()).update(found)
    for person in people:
        assert asked[person.id] == {framework: person.own(*SEEN) for framework in FRAMEWORKS}

    effects = read_effects(tmp_path / "effects")
    for line in effects:
        (of,) = [person for person in people if line.startswith(person.id)]
        own = of.own("secret") if " signs with " in line else of.own("prompt", "state")
        assert canaries_in(line) == own
    assert len(effects) == 2 * 2 * 2 * len(FRAMEWORKS)

    for person, export in zip(people, exports, strict=True):
        for told in person.heard:
            assert canaries_in("\n".join(told)) == person.own("prompt", "state", "result")
        assert canaries_in(export) == person.own(*SEEN)
    for log in logs:
        assert canaries_in(log) == set()


def test_a_canary_is_found_in_what_is_encoded() -> None:
    person = Person(TestUser("user_ada", ""))
    hidden = base64.b64encode(b"\x89PNG\r\n\x1a\n\x00" + person.canaries["file"].encode()).decode()
    assert canaries_in(f'{{"url": "data:image/png;base64,{hidden}"}} {person.canaries["prompt"]}') == person.own(
        "file", "prompt"
    )
