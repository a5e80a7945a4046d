"""A rolling upgrade: a process of release 0.1.0 and one of today's serve one database, and are one server to their users."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from test_framework.server_process import ServerProcess
from test_framework.service_clients import Prepared
from test_framework.services import Service
from test_framework.users import LocalUsers, TestUser
from test_framework.websocket_client import TERMINAL_EVENTS, Frame, WebSocketTestClient, websocket_client

from .conftest import DATA, PATIENCE_S, Left, Release, loaded

pytestmark = [pytest.mark.long, pytest.mark.real_services]


class OldServer(ServerProcess):
    """A server of 0.1.0, which is started in another way."""

    program = (sys.executable, "-m", "test_framework.serve_with", "agents_of_0_1_0")

    def __init__(self, data_dir: Path, settings: Mapping[str, str]) -> None:
        super().__init__(data_dir, settings, workers=1)
        self._serve = ()


@dataclass(frozen=True)
class Process:
    """A process of one release, and its users' ways to it."""

    server: ServerProcess

    def device(self, user: TestUser) -> Any:
        return websocket_client(self.server.websocket_url, user.token, patience=PATIENCE_S)

    def http(self, user: TestUser) -> httpx.AsyncClient:
        bearer = {"Authorization": f"Bearer {user.token}"}
        return httpx.AsyncClient(base_url=self.server.url, headers=bearer, trust_env=False, timeout=PATIENCE_S)


@pytest.fixture
def releases(
    release_0_1_0: Release, prepared_postgres: Prepared, redis_service: Service, tmp_path: Path
) -> Iterator[Mapping[str, Process]]:
    """A process of 0.1.0 on a database that it has written; migrated while it serves; and a process of today."""
    left = Left.read("postgresql", DATA)
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        place = loaded(prepared_postgres, (left.directory / "postgresql.sql").read_text(encoding="utf-8"))
        url, admin_url = runner.run(place.__aenter__())
        stack.callback(lambda: runner.run(place.__aexit__(None, None, None)))
        shared = {"NETRA_DATABASE_URL": url, "NETRA_REDIS_URL": redis_service.url, "NETRA_TEST_TOOLS": "answer"}
        old = OldServer(tmp_path / "0.1.0", {**shared, **release_0_1_0.environment})
        today = ServerProcess(tmp_path / "today", shared, app="tests.e2e.versions.agents", workers=1)
        for server in (old, today):
            left.unpack(server.data_dir)
            stack.callback(server.close)
        old.start()
        migrated = today.command("migrate", "--database-url", admin_url)
        assert migrated.returncode == 0, migrated.stderr
        today.start()
        yield {"0.1.0": Process(old), "today": Process(today)}


@pytest.fixture
def ann(releases: Mapping[str, Process]) -> TestUser:
    """The key of both is the one that 0.1.0 had made."""
    return LocalUsers(releases["today"].server.data_dir).make("ann@example.org")


async def until(client: WebSocketTestClient, kind: str, run_id: str | None = None) -> Frame:
    """The next frame of this type, of this run."""
    while True:
        frame = await client.receive_json()
        assert frame["type"] != "error", frame
        if frame["type"] == kind and run_id in (None, frame.get("run_id")):
            return frame


async def begun(client: WebSocketTestClient, agent: str, message: str, **fields: Any) -> Frame:
    await client.send_json({"type": "execute_agent", "agent": agent, "message": message, **fields})
    return await until(client, "accepted")


async def end_of(client: WebSocketTestClient, run_id: str) -> list[Frame]:
    """The events of a run that come, to its last."""
    events: list[Frame] = []
    while not events or events[-1]["type"] not in TERMINAL_EVENTS:
        frame = await client.receive_json()
        assert frame["type"] != "error", frame
        if frame.get("run_id") == run_id and frame["type"] != "accepted":
            events.append(frame)
    return events


@pytest.mark.parametrize(("holder", "other"), [("0.1.0", "today"), ("today", "0.1.0")])
async def test_a_thread_that_one_release_holds_is_served_by_the_other(
    releases: Mapping[str, Process], ann: TestUser, holder: str, other: str
) -> None:
    async with releases[holder].device(ann) as here, releases[other].device(ann) as there:
        await there.resume()
        asking = await begun(here, "asker", "May I?", id="key-asking")
        asked = await until(here, "approval_requested", asking["run_id"])
        thread_id = asking["thread_id"]
        assert await until(there, "approval_requested", asking["run_id"]) == asked

        behind = await begun(there, "teller", "In line.", thread_id=thread_id, id="key-behind")
        assert behind["epoch"] == asking["epoch"]
        again = await begun(there, "teller", "In line.", thread_id=thread_id, id="key-behind")
        assert again["run_id"] == behind["run_id"]
        cancelled = await begun(there, "teller", "Not wanted.", thread_id=thread_id)
        await there.send_json({"type": "cancel_run", "run_id": cancelled["run_id"]})
        assert (await end_of(here, cancelled["run_id"]))[-1]["type"] == "agent_cancelled"

        async with releases[other].http(ann) as http:
            (waits,) = (await http.get("/api/approvals")).json()["approvals"]
            assert waits["approval_id"] == asked["approval_id"]
        word = {name: asked[name] for name in ("approval_id", "arguments_hash")}
        await there.send_json({"type": "resolve_approval", "decision": "approve", "id": "key-word", **word})
        for run in (asking, behind):
            ended = await end_of(there, run["run_id"])
            assert ended[-1]["type"] == "agent_completed"

        asking = await begun(here, "asker", "And now?", thread_id=thread_id)
        await until(here, "approval_requested", asking["run_id"])
        async with releases[other].http(ann) as http:
            (await http.delete(f"/api/threads/{thread_id}")).raise_for_status()
            assert (await http.get(f"/api/threads/{thread_id}/events")).status_code == 404
        async with releases[holder].http(ann) as http:
            assert (await http.get(f"/api/threads/{thread_id}/events")).status_code == 404


async def test_what_a_process_of_0_1_0_leaves_behind_todays_goes_on_with(
    releases: Mapping[str, Process], ann: TestUser
) -> None:
    async with releases["0.1.0"].device(ann) as here, releases["today"].device(ann) as there:
        await there.resume()
        asking = await begun(here, "asker", "May I?")
        asked = await until(there, "approval_requested", asking["run_id"])
        assert await asyncio.to_thread(releases["0.1.0"].server.stop) == 0
        word = {"decision": "approve", "arguments_hash": asked["arguments_hash"]}
        async with releases["today"].http(ann) as http:
            while (answer := await http.post(f"/api/approvals/{asked['approval_id']}", json=word)).status_code == 503:
                """It was let go of, and is taken up in a moment."""
            answer.raise_for_status()
        assert (await end_of(there, asking["run_id"]))[-1]["type"] == "agent_completed"
