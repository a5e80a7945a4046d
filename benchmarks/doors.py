"""P12: what an event costs the server by each door, beside ``/ws``: runs of one agent that says many short texts, in turns."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx

from netra_backend.app.agents.interface import AgentResult, RunScope
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers, TestUser
from test_framework.websocket_client import websocket_client

from . import figures, machine, ours, server

TEXTS: Final = 200
GOAL: Final = 1.5


class Talker:
    """Says so many short texts, each an event."""

    name = "talker"
    description = "Talks."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """Say them."""
        for n in range(TEXTS):
            await scope.say(f"text {n} ")
        return AgentResult("")


AGENTS: Final = (Talker,)
TOOLS: Final = ()

Run = Callable[[str, TestUser, int], Awaitable[None]]
"""So many runs to their ends at this address, for this user."""


async def by_websocket(url: str, user: TestUser, runs: int) -> None:
    """As our own clients do, a connection for each run, as the doors have one."""
    for _ in range(runs):
        async with websocket_client(url.replace("http", "ws"), user.token) as client:
            frames = await client.run_agent("talker", "talk")
        assert sum(frame["type"] == "agent_delta" for frame in frames) == TEXTS


async def by_openai(url: str, user: TestUser, runs: int) -> None:
    """As a client of OpenAI's does."""
    body = {"model": "talker", "stream": True, "messages": [{"role": "user", "content": "talk"}]}
    await _streamed(url, user, runs, "/v1/chat/completions", body, b'"content":"')


async def by_ai_sdk(url: str, user: TestUser, runs: int) -> None:
    """As the AI SDK does."""
    for n in range(runs):
        message = {"id": f"{time.monotonic_ns()}-{n}", "role": "user", "parts": [{"type": "text", "text": "talk"}]}
        body = {"id": "chat", "agent": "talker", "messages": [message]}
        await _streamed(url, user, 1, "/api/chat", body, b'"text-delta"')


async def _streamed(url: str, user: TestUser, runs: int, path: str, body: Any, mark: bytes) -> None:
    headers = {"Authorization": f"Bearer {user.token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as http:
        for _ in range(runs):
            said = b""
            async with http.stream("POST", path, json=body) as answer:
                async for part in answer.aiter_bytes():
                    said += part
            assert said.count(mark) >= TEXTS, said[-300:]


WAYS: Final[dict[str, Run]] = {"/ws": by_websocket, "OpenAI": by_openai, "AI SDK": by_ai_sdk}


async def measured(process: ServerProcess, rounds: int, runs: int) -> dict[str, list[float]]:
    """Microseconds of the server's processor an event, by way, a figure a round."""
    users = LocalUsers(process.data_dir)
    costs: dict[str, list[float]] = {name: [] for name in WAYS}
    for n in range(rounds + 1):  # the first one warms up
        for name, way in WAYS.items():
            user = users.make("talker@example.org")
            before = server.cpu_seconds(process.process.pid)
            await way(process.url, user, runs)
            if n:
                costs[name].append((server.cpu_seconds(process.process.pid) - before) / (runs * TEXTS) * 1e6)
    return costs


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks doors", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args(arguments)
    about = machine.describe()
    with ServerProcess(ours.empty_data_dir("doors") / "data", app="benchmarks.doors", workers=1) as process:
        costs = asyncio.run(measured(process, options.rounds, options.runs))
    middle = {name: statistics.median(each) for name, each in costs.items()}
    rows = [
        [name, f"{middle[name]:.0f}", f"{min(each):.0f} – {max(each):.0f}", f"{middle[name] / middle['/ws']:.2f}"]
        for name, each in costs.items()
    ]
    figures.show(
        "P12: an event by each door",
        ["way", "µs of the server", "least – most", "of /ws"],
        rows,
        [f"{options.rounds} rounds of {options.runs} runs of {TEXTS} texts, a connection a run, in turns."],
    )
    worst = max(middle[name] / middle["/ws"] for name in WAYS)
    goals = [["an event by a door", f"≤ {GOAL} of /ws", f"{worst:.2f}", figures.met(worst <= GOAL)]]
    figures.show("Goals", figures.GOAL_COLUMNS, goals)
    figures.finish("doors", about, {"costs": costs, "goals": goals})
