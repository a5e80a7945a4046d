"""Many users at once, each with a canary of its own in messages, data and tool results: it is nowhere but at home.

The canary is sought in every frame, HTTP body and audit row that anybody else gets, and in every line the server logs. All
users are connected while any of them asks, so whoever is told too much is there to hear it. Of many users only some bring
data: each import and each owner's first question starts a process, and a test is no place to wait for hundreds of them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from test_framework.base_e2e_test import BaseE2ETest
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers, TestUser
from test_framework.websocket_client import Frame, WebSocketTestClient

CANARY = re.compile(r"canary[0-9a-f]{20}")
BODIES = ("/api/me", "/api/threads", "/api/usage/datasets", "/api/audit")
ASKING_OF_DATA = 4
READING = 16
PATIENCE = 180.0


@dataclass
class Witness:
    """One user, and everything it was told: ``frames`` over the socket, ``bodies`` over HTTP."""

    user: TestUser
    has_data: bool
    frames: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    told_by_tools: list[Any] = field(default_factory=list)
    places: set[str] = field(default_factory=set)

    @property
    def canary(self) -> str:
        return "canary" + self.user.id[-20:]

    def canaries(self) -> set[str]:
        return {found for text in (*self.frames, *self.bodies) for found in CANARY.findall(text)}

    def note(self, frames: list[Frame]) -> None:
        assert frames[-1]["type"] == "agent_completed", frames[-1]
        self.told_by_tools += [frame["result"] for frame in frames if frame["type"] == "tool_completed" and frame["ok"]]
        self.places |= {f"/api/threads/{frames[0]['thread_id']}/events", f"/api/runs/{frames[0]['run_id']}"}


def rows_of(canary: str) -> bytes:
    """A small usage file whose feature and session are the canary."""
    lines = ["ts,model,input_tokens,output_tokens,feature,session_id"]
    lines += [f"2026-01-{day:02d}T10:00:00Z,gpt-4o,{1000 * day},{100 * day},{canary},{canary}" for day in range(1, 9)]
    return "\n".join(lines).encode()


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All at once; the first failure ends them all."""
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)


@pytest.fixture(scope="module")
def echoing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of this file's own, so that all it logs is of these users; with one agent that repeats by a tool."""
    with ServerProcess(tmp_path_factory.mktemp("many") / "data", app="test_framework.echo") as process:
        yield process


class TestMultiUserFactoryIsolation(BaseE2ETest):
    @pytest.fixture(autouse=True)
    def own_server(self, echoing_server: ServerProcess) -> None:
        users = LocalUsers(echoing_server.data_dir)
        self.server = echoing_server
        self.services = {"websocket_url": echoing_server.websocket_url, "users": users}

    async def request(
        self, http: httpx.AsyncClient, witness: Witness, method: str, path: str, body: bytes | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {witness.user.token}"}
        answer = await http.request(method, path, content=body, headers=headers)
        assert answer.status_code == 200, (path, answer.text)
        witness.bodies.append(answer.text)

    async def live(self, witness: Witness, http: httpx.AsyncClient, everybody: asyncio.Barrier) -> None:
        """Connect, speak when everybody is here, bring data and ask of it, and stay until everybody is done."""
        async with self.connect(witness.user, patience=PATIENCE) as client:
            await everybody.wait()
            witness.note(await client.run_agent("echo", f"keep {witness.canary} to yourself"))
            if witness.has_data:
                async with self.asking:
                    await self.ask_of_data(witness, client, http)
            await everybody.wait()
            await client.send_json({"type": "ping", "id": "last"})
            await client.expect_event("pong", id="last")
            witness.frames = client.received

    async def ask_of_data(self, witness: Witness, client: WebSocketTestClient, http: httpx.AsyncClient) -> None:
        await self.request(http, witness, "POST", f"/api/usage/datasets?name={witness.canary}", rows_of(witness.canary))
        witness.note(await client.run_agent("cost_optimizer", "which feature costs most?"))

    async def read(self, http: httpx.AsyncClient, witness: Witness, room: asyncio.Semaphore) -> None:
        async with room:
            for path in (*BODIES, *sorted(witness.places)):
                await self.request(http, witness, "GET", path)

    @pytest.mark.parametrize(
        ("count", "with_data"),
        [(5, 5), (50, 5), pytest.param(50, 50, marks=pytest.mark.long), pytest.param(500, 25, marks=pytest.mark.long)],
    )
    async def test_no_user_is_told_anything_of_another(self, count: int, with_data: int) -> None:
        users = [await self.create_test_user(f"user{n}@example.org") for n in range(count)]
        witnesses = [Witness(user, n < with_data) for n, user in enumerate(users)]
        self.asking, reading = asyncio.Semaphore(ASKING_OF_DATA), asyncio.Semaphore(READING)
        everybody = asyncio.Barrier(count)
        async with httpx.AsyncClient(base_url=self.server.url, timeout=PATIENCE, trust_env=False) as http:
            await together(self.live(witness, http, everybody) for witness in witnesses)
            await together(self.read(http, witness, reading) for witness in witnesses)
        leaked = {found: witness.user.id for witness in witnesses for found in witness.canaries() - {witness.canary}}
        assert leaked == {}
        for witness in witnesses:
            results = [str(result) for result in witness.told_by_tools]
            repeated, *of_data = [result for result in results if witness.canary in result]
            assert witness.user.id in repeated
            assert bool(of_data) is witness.has_data, results
            assert any(witness.canary in body for body in witness.bodies)
        assert CANARY.findall(self.server.log()) == []
