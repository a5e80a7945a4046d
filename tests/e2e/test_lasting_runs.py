"""Runs that keep values and sleep, in real processes that are killed: each step once, and on at the right time."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from test_framework.server_process import ServerProcess
from test_framework.service_clients import Prepared, own_netra_database
from test_framework.services import Service
from test_framework.users import LocalUsers
from test_framework.websocket_client import TERMINAL_EVENTS, websocket_client

pytestmark = pytest.mark.long

APP = """
import asyncio, os
from netra_server import AgentResult, StateConflict

async def witness(what):
    line = f"{what} {os.getpid()}\\n".encode()
    seen = os.open(os.environ["WITNESS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(seen, line)
    os.fsync(seen)
    os.close(seen)

class Sleeper:
    name, description, tools = "sleeper", "Sleeps.", frozenset()

    async def run(self, scope):
        seen = await scope.state.get("seen", scope="user") or 0
        await scope.state.set("seen", seen + 1, scope="user", visible=True)
        await scope.state.set("mine", "of this thread")
        await scope.step("before", lambda: witness("before"))
        await scope.sleep(float(scope.message))
        await scope.step("after", lambda: witness("after"))
        return AgentResult(f"{await scope.state.get('seen', scope='user')} {await scope.state.get('mine')}")

class Counter:
    name, description, tools = "counter", "Counts.", frozenset()

    async def run(self, scope):
        for _ in range(5):
            while True:
                try:
                    n = await scope.state.get("n", scope="user") or 0
                    await scope.state.set("n", n + 1, scope="user")
                    break
                except StateConflict:
                    pass
        return AgentResult(str(await scope.state.get("n", scope="user")))

AGENTS = [Sleeper, Counter]
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    (place / "lasting.py").write_text(APP)
    return place


def settings(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"WITNESS": str(tmp_path / "witness"), "NETRA_LIMIT_PARK_S": "1", **more}


def witnessed(tmp_path: Path) -> list[str]:
    place = tmp_path / "witness"
    return [line.split()[0] for line in place.read_text().splitlines()] if place.exists() else []


async def begun(server: ServerProcess, token: str, message: str) -> Any:
    """A run that has left memory; its ``accepted`` frame."""
    async with websocket_client(server.websocket_url, token) as client:
        await client.send_json({"type": "execute_agent", "agent": "sleeper", "message": message, "id": "k1"})
        accepted = await client.receive_json()
        while accepted["type"] != "accepted":
            accepted = await client.receive_json()
        await client.expect_event("run_suspended", reason="waiting")
        return accepted


async def events_of(server: ServerProcess, token: str, accepted: Any) -> list[Any]:
    """All events of a run, up to its end, by a replay from the beginning."""
    events: dict[int, Any] = {}
    place = {accepted["thread_id"]: {"epoch": accepted["epoch"], "seq": 0}}
    async with websocket_client(server.websocket_url, token, patience=60) as client:
        await client.send_json({"type": "resume", "positions": place})
        while not any(event["type"] in TERMINAL_EVENTS for event in events.values()) or len(events) < max(events):
            frame = await client.receive_json()
            if frame.get("run_id") == accepted["run_id"] and "ts" in frame:
                events[frame["seq"]] = frame
    return [events[seq] for seq in sorted(events)]


def judged(tmp_path: Path, events: list[Any]) -> None:
    assert witnessed(tmp_path) == ["before", "after"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "agent_completed", events[-1]
    assert events[-1]["result"]["text"] == "1 of this thread"
    (paused,) = (event for event in events if event.get("kind") == "sleep")
    suspended = [event for event in events if event["type"] == "run_suspended" and event.get("wake_ms")]
    assert {event["wake_ms"] for event in suspended} == {paused["wake_ms"]}
    ended = [
        event["ts"] for event in events if event["type"] == "step_finished" and event["call_id"] == paused["call_id"]
    ]
    assert len(ended) == 1
    assert ended[0] >= paused["wake_ms"]
    assert [event["value"] for event in events if event["type"] == "state_changed"] == [1]


def test_a_sleeping_run_survives_its_process_and_goes_on_at_its_time(directory: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = ServerProcess(tmp_path / "data", settings(tmp_path), app="lasting", workers=1, directory=directory)
        stack.callback(server.close)
        server.start()
        user = LocalUsers(server.data_dir).make("ann@example.org")
        accepted = asyncio.run(begun(server, user.token, "15"))
        server.kill()
        server.start()
        server.kill()
        server.start()
        judged(tmp_path, asyncio.run(events_of(server, user.token, accepted)))
        assert server.stop() == 0


@pytest.fixture
def two(
    directory: Path, tmp_path: Path, prepared_postgres: Prepared, redis_service: Service
) -> Iterator[ServerProcess]:
    with asyncio.Runner() as runner:
        place = own_netra_database(prepared_postgres)
        database = runner.run(place.__aenter__())
        more = {"NETRA_DATABASE_URL": database.url, "NETRA_REDIS_URL": redis_service.url}
        with ServerProcess(
            tmp_path / "data", settings(tmp_path, **more), app="lasting", workers=2, directory=directory
        ) as server:
            yield server
        runner.run(place.__aexit__(None, None, None))


@pytest.mark.real_services
def test_the_other_process_goes_on_with_it_if_its_holder_is_killed(two: ServerProcess, tmp_path: Path) -> None:
    user = LocalUsers(two.data_dir).make("ann@example.org")
    accepted = asyncio.run(begun(two, user.token, "12"))
    holder = int((tmp_path / "witness").read_text().split()[1])
    os.kill(holder, signal.SIGKILL)
    judged(tmp_path, asyncio.run(events_of(two, user.token, accepted)))
    assert int((tmp_path / "witness").read_text().split()[3]) != holder


@pytest.mark.real_services
def test_it_is_cancelled_from_whichever_process_is_asked(two: ServerProcess, tmp_path: Path) -> None:
    user = LocalUsers(two.data_dir).make("ann@example.org")

    async def cancelled() -> list[Any]:
        accepted = await begun(two, user.token, "600")
        for _ in range(6):  # so many that both processes are asked, nearly always
            async with websocket_client(two.websocket_url, user.token) as client:
                await client.send_json({"type": "cancel_run", "run_id": accepted["run_id"], "id": "c1"})
                answer = await client.receive_json()
                while answer["type"] not in ("accepted", "error"):
                    answer = await client.receive_json()
                assert answer["type"] == "accepted", answer
        return await events_of(two, user.token, accepted)

    events = asyncio.run(cancelled())
    assert events[-1]["type"] == "agent_cancelled"
    assert witnessed(tmp_path) == ["before"]


@pytest.mark.real_services
def test_runs_of_two_processes_that_count_together_lose_nothing(two: ServerProcess) -> None:
    user = LocalUsers(two.data_dir).make("ann@example.org")

    async def counted() -> list[str]:
        async def one() -> str:
            async with websocket_client(two.websocket_url, user.token, patience=60) as client:
                await client.send_json({"type": "execute_agent", "agent": "counter", "message": "go"})
                run_id = ""
                while True:  # a device sees the runs of the others, too
                    frame = await client.receive_json()
                    run_id = frame["run_id"] if frame["type"] == "accepted" else run_id
                    if frame["type"] in TERMINAL_EVENTS and frame["run_id"] == run_id:
                        assert frame["type"] == "agent_completed", frame
                        text: str = frame["result"]["text"]
                        return text

        return await asyncio.gather(*(one() for _ in range(6)))

    assert max(map(int, asyncio.run(counted()))) == 30
