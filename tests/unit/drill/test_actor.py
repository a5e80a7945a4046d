"""A user in a drill hears everything and finds the answers to what it said."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Any

import pytest

from netra_backend.app.drill import actor as module
from netra_backend.app.drill.actor import Actor, DrillFailed, HttpAnswer

WELCOME = {"type": "connected", "connection_id": "conn_7"}


class ScriptedLine:
    """Answers each frame by ``answer``; ``say`` makes it tell something by itself, ``None`` closes it."""

    user_id = "user_123"

    def __init__(self, *answers: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self._answers = list(answers)
        self._told: asyncio.Queue[str | None] = asyncio.Queue()
        self.say(WELCOME)

    def say(self, frame: dict[str, Any] | None) -> None:
        self._told.put_nowait(None if frame is None else json.dumps(frame))

    async def send(self, text: str) -> None:
        frame = json.loads(text)
        self.sent.append(frame)
        for answer in self._answers.pop(0):
            self.say(answer if answer is None else {**answer, **({"id": frame["id"]} if answer.get("id") else {})})

    async def receive(self) -> str | None:
        return await self._told.get()

    async def http(self, method: str, path: str, body: bytes | None = None, *, media: str = "") -> HttpAnswer:
        return HttpAnswer(200, b"{}")

    async def knock(self, path_user: str) -> tuple[str, int]:
        return "{}", 4504


def actor_on(*answers: Any) -> Actor:
    numbers = count(1)
    return Actor(ScriptedLine(*answers), lambda kind: f"{kind}_{next(numbers)}")


async def test_an_actor_knows_its_connection_and_keeps_all_it_hears() -> None:
    async with actor_on([{"type": "pong", "id": True}]) as actor:
        assert (actor.user_id, actor.connection_id) == ("user_123", "conn_7")
        answer = await actor.say({"type": "ping"})
        assert answer == {"type": "pong", "id": "key_1"}
        assert [json.loads(text) for text in actor.heard] == [WELCOME, answer]


async def test_an_answer_is_found_among_other_frames_by_its_key() -> None:
    others = [{"type": "heartbeat"}, {"type": "agent_started", "thread_id": "t"}, {"type": "error", "id": True}]
    async with actor_on(others) as actor:
        assert (await actor.say({"type": "resume"}))["type"] == "error"


async def test_an_answer_is_found_by_the_thread_it_is_about_and_earlier_frames_do_not_count() -> None:
    event = {"type": "agent_started", "thread_id": "t", "seq": 2}
    async with actor_on([event, {"type": "accepted", "id": True}], [event]) as actor:
        assert (await actor.say({"type": "execute_agent"}))["type"] == "accepted"
        assert await actor.say({"type": "resume"}, about="t") == event


async def test_a_run_is_awaited_to_its_end_and_its_thread_remembered() -> None:
    accepted = {"type": "accepted", "id": True, "thread_id": "t", "run_id": "r", "seq": 1}
    end = {"type": "agent_completed", "run_id": "r", "thread_id": "t"}
    async with actor_on([accepted, {"type": "agent_completed", "run_id": "other"}, end]) as actor:
        assert (await actor.run("triage_agent", "hello", id="chosen"))["run_id"] == "r"
        assert actor.threads == ["t"]
        line = actor.line
        assert isinstance(line, ScriptedLine)
        assert line.sent[0]["id"] == "chosen"


async def test_a_request_of_ones_own_that_is_refused_ends_the_drill() -> None:
    async with actor_on([{"type": "error", "id": True, "message": "no room"}]) as actor:
        with pytest.raises(DrillFailed, match="a user's own request was refused: no room"):
            await actor.run("triage_agent", "hello")


async def test_a_connection_that_closes_ends_the_drill() -> None:
    async with actor_on([None]) as actor:
        with pytest.raises(DrillFailed, match="closed in the middle"):
            await actor.say({"type": "ping"})


async def test_silence_ends_the_drill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    async with actor_on([]) as actor:
        with pytest.raises(DrillFailed, match="no answer within"):
            await actor.say({"type": "ping"})
