"""What an agent is told of its thread's past: the same on every replay, and never another thread's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult, PastMessage
from netra_backend.app.core.events import AgentCompleted, AgentThinking, StepStarted


@pytest.fixture
def gate(workshop: Any) -> asyncio.Event:
    """An agent that answers with what it was told, once the gate is open for messages that begin with ``wait``."""
    opened = asyncio.Event()

    async def run(scope: Any) -> AgentResult:
        told = [(past.role, past.text) for past in scope.history]
        if scope.message.startswith("wait"):
            await opened.wait()
        return AgentResult(f"answer to {scope.message}", {"told": told})

    workshop.agent("golden", run, history_messages=4)
    workshop.agent("alone", run)
    return opened


async def told(workshop: Any, client: Any, accepted: Any) -> list[list[str]]:
    events = await client.ended(accepted.run_id)
    return list(events[-1].result["data"]["told"])


async def test_requests_and_answers_come_oldest_first_and_not_too_many(workshop: Any, gate: Any) -> None:
    client = workshop.connect()
    for n in range(4):
        accepted = await workshop.ask(client, "golden", f"m{n}", thread_id="thr_1")
        last = await told(workshop, client, accepted)
    assert last == [["user", "m1"], ["agent", "answer to m1"], ["user", "m2"], ["agent", "answer to m2"]]
    other = await workshop.ask(client, "golden", "elsewhere", thread_id="thr_2")
    assert await told(workshop, client, other) == []
    alone = await workshop.ask(client, "alone", "m4", thread_id="thr_1")
    assert await told(workshop, client, alone) == []


async def test_an_answer_that_came_while_the_request_waited_is_told(workshop: Any, gate: asyncio.Event) -> None:
    client = workshop.connect()
    first = await workshop.ask(client, "golden", "wait", thread_id="thr_1")
    second = await workshop.ask(client, "golden", "second", thread_id="thr_1")
    third = await workshop.ask(client, "golden", "third", thread_id="thr_1")
    gate.set()
    await client.ended(first.run_id)
    assert await told(workshop, client, second) == [["user", "wait"], ["agent", "answer to wait"]]
    assert await told(workshop, client, third) == [
        ["user", "wait"],
        ["user", "second"],
        ["agent", "answer to wait"],
        ["agent", "answer to second"],
    ]


async def test_the_past_is_the_same_after_a_takeover(workshop: Any, gate: asyncio.Event) -> None:
    client = workshop.connect()
    await client.ended((await workshop.ask(client, "golden", "first", thread_id="thr_1")).run_id)
    accepted = await workshop.ask(client, "golden", "wait", thread_id="thr_1")
    await workshop.ask(client, "golden", "behind", thread_id="thr_1")
    await workshop.kill()
    client = workshop.connect()
    gate.set()
    await workshop.turns.recovery.take_over()
    assert await told(workshop, client, accepted) == [["user", "first"], ["agent", "answer to first"]]


async def test_a_message_knows_its_agent_and_data(workshop: Any) -> None:
    seen: list[PastMessage] = []

    async def run(scope: Any) -> AgentResult:
        seen.extend(scope.history)
        return AgentResult("text", {"n": 1})

    workshop.agent("golden", run, history_messages=99)
    client = workshop.connect()
    for _ in range(2):
        await client.ended((await workshop.ask(client, "golden", "m", thread_id="thr_1")).run_id)
    assert seen == [PastMessage("user", "m", "golden"), PastMessage("agent", "text", "golden", {"n": 1})]


async def test_an_answer_of_a_run_that_slept_meanwhile_is_not_told_on_a_replay_either(workshop: Any) -> None:
    told: list[Any] = []
    stays = asyncio.Event()

    async def run(scope: Any) -> AgentResult:
        if scope.message == "sleep":
            await scope.sleep(3600)
            return AgentResult("awake")
        told.append(([past.text for past in scope.history], [message.text async for message in scope.messages]))
        await scope.think(str(told[-1]))
        await stays.wait()
        return AgentResult("done")

    workshop.agent("golden", run, history_messages=4)
    client = workshop.connect()
    asleep = await workshop.ask(client, "golden", "sleep", thread_id="thr_1")
    await client.saw(StepStarted, asleep.run_id)
    workshop.turns.tick(workshop.clock.monotonic())
    looks = await workshop.ask(client, "golden", "look", thread_id="thr_1")
    await client.saw(AgentThinking, looks.run_id)
    await workshop.kill()
    workshop.clock.advance(s=3600)
    client = workshop.connect()
    await workshop.turns.recovery.take_over()
    await client.ended(asleep.run_id)
    stays.set()
    assert isinstance((await client.saw(AgentCompleted, looks.run_id)), AgentCompleted)
    assert told == [(["sleep"], ["sleep"])] * 2
