"""One user, connected to two processes of one server over a real PostgreSQL and a real Valkey: the same guarantees as at one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.config import Settings
from netra_backend.app.wiring import open_runtime
from test_framework.echo import AGENTS, TOOLS
from test_framework.faults import CuttableLink
from test_framework.local_runtime import ConnectedUser, connected_user
from test_framework.service_clients import NetraDatabase
from test_framework.services import Service

PATIENCE_S = 30
THREADS = 8


class Gated:
    """Goes on when the gate is open, so that its thread is held until then."""

    name = "gated"
    description = "Waits."
    tools = frozenset[str]()
    gate: ClassVar[asyncio.Event]

    async def run(self, scope: RunScope) -> AgentResult:
        """Think, wait, answer."""
        await scope.think(scope.message)
        await self.gate.wait()
        return AgentResult(scope.message)


class Fleet:
    """Two processes, the cable of their bus, and a device of Ada's at each."""

    def __init__(self, cable: CuttableLink, here: ConnectedUser, there: ConnectedUser) -> None:
        self.cable = cable
        self.here = here
        self.there = there


@pytest.fixture
async def fleet(netra_database: NetraDatabase, redis_service: Service, tmp_path: Path) -> AsyncIterator[Fleet]:
    Gated.gate = asyncio.Event()
    address = urlsplit(redis_service.url)
    async with AsyncExitStack() as stack:
        cable = await stack.enter_async_context(CuttableLink(address.hostname or "", address.port or 6379))
        redis_url = address._replace(netloc=f":{address.password or ''}@127.0.0.1:{cable.port}").geturl()
        settings = Settings(data_dir=tmp_path / "data", database_url=netra_database.url, redis_url=redis_url)
        agents, made = (*AGENTS, Gated), list[ConnectedUser]()
        for slot in (1, 2):
            runtime = await stack.enter_async_context(open_runtime(settings, agents, TOOLS, slot=slot))
            made.append(await stack.enter_async_context(connected_user(runtime, "user_ada")))
        yield Fleet(cable, *made)
        Gated.gate.set()


async def seen(device: ConnectedUser, ended: int) -> dict[str, list[dict[str, Any]]]:
    """All frames of each thread, once so many of its runs have ended there."""
    frames: dict[str, list[dict[str, Any]]] = {}
    async with asyncio.timeout(PATIENCE_S):
        while sum(frame["type"] == "agent_completed" for frame in device.wire.frames) < ended:  # noqa: ASYNC110
            await asyncio.sleep(0)
    for frame in device.wire.frames:
        if "thread_id" in frame:
            frames.setdefault(frame["thread_id"], []).append(frame)
    return frames


def check(frames: dict[str, list[dict[str, Any]]], asked: frozenset[str]) -> None:
    """Each thread contiguous and once; whoever asked was answered before the run's events came."""
    for told in frames.values():
        events = [frame for frame in told if frame["type"] not in ("accepted", "live")]
        assert [frame["seq"] for frame in events] == list(range(1, len(events) + 1))
        answered = [frame["run_id"] for frame in told if frame["type"] == "accepted"]
        for at, frame in enumerate(told):
            if frame["type"] == "accepted":
                assert frame["run_id"] not in {before.get("run_id") for before in told[:at]}, "its events came first"
        assert len(answered) == len(set(answered))
    accepted = {frame["id"] for told in frames.values() for frame in told if frame["type"] == "accepted"}
    assert accepted == asked


def ask(device: ConnectedUser, number: int, agent: str) -> str:
    """One request in the thread of that number; its id."""
    key = f"{agent}_{number}"
    device.send(type="execute_agent", id=key, agent=agent, message=f"request {number}", thread_id=f"thr_{number}")
    return key


@pytest.mark.parametrize("with_bus", [True, False])
async def test_requests_for_threads_that_the_other_process_holds_are_answered_before_their_events(
    fleet: Fleet, with_bus: bool
) -> None:
    if not with_bus:
        await fleet.cable.cut()
    first = frozenset(ask(fleet.here, number, "gated") for number in range(THREADS))
    for _ in range(THREADS):
        await fleet.there.wire.until("agent_thinking")  # held over there, and seen here
    fleet.there.wire.frames.clear()
    second = frozenset(ask(fleet.there, number, "echo") for number in range(THREADS))
    async with asyncio.timeout(PATIENCE_S):
        while sum(frame["type"] == "accepted" for frame in fleet.there.wire.frames) < THREADS:  # noqa: ASYNC110
            await asyncio.sleep(0)
    Gated.gate.set()
    here = await seen(fleet.here, 2 * THREADS)
    check(here, first)
    there = await seen(fleet.there, 2 * THREADS)
    for told in there.values():
        runs = [frame["run_id"] for frame in told if frame["type"] == "accepted"]
        assert next(frame["type"] for frame in told if frame.get("run_id") in runs) == "accepted"
        positions = [frame["seq"] for frame in told if frame["type"] not in ("accepted", "live")]
        assert positions == list(range(positions[0], positions[0] + len(positions)))
    assert {frame["id"] for told in there.values() for frame in told if frame["type"] == "accepted"} == second


async def test_requests_of_two_devices_in_the_same_threads_at_once_are_all_done_and_seen_once_at_both(
    fleet: Fleet,
) -> None:
    Gated.gate.set()
    mine, other = set[str](), set[str]()
    for number in range(THREADS):
        mine.add(ask(fleet.here, number, "echo"))
        other.add(ask(fleet.there, number, "gated"))
    check(await seen(fleet.here, 2 * THREADS), frozenset(mine))
    check(await seen(fleet.there, 2 * THREADS), frozenset(other))
