"""A model's reply that the agent alone gets."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.core.errors import DependencyUnavailable
from netra_backend.app.core.events import AgentCompleted, encode_event
from netra_backend.app.core.model_part import ModelPart
from test_framework.counted_tool import kinds


class Script:
    name = "script"

    def __init__(self, *parts: Any) -> None:
        self.parts = parts
        self.asked: list[tuple[str, str, int]] = []

    async def stream(self, prompt: str, *, system: str, max_tokens: int) -> AsyncGenerator[ModelPart, None]:
        self.asked.append((prompt, system, max_tokens))
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            yield part


USAGE = {"input_tokens": 7, "output_tokens": 2, "cost_usd": "0.0001"}
SAID = (ModelPart("hid"), ModelPart("den"), ModelPart("", USAGE, "length"))


def deciding(workshop: Any, *parts: Any) -> Script:
    async def run(scope: Any) -> AgentResult:
        try:
            reply = await scope.ask_model("which?", system="short", max_tokens=9, shown=False)
        except DependencyUnavailable as fault:
            return AgentResult(fault.message)
        assert (reply.input_tokens, reply.output_tokens, reply.cost_usd) == (7, 2, "0.0001")
        return AgentResult("decided", {"right": reply.text == "hidden"})

    script = Script(*parts)
    workshop.agent("golden", run)
    workshop.answer_with(script)
    return script


async def test_it_is_counted_and_in_no_event(workshop: Any) -> None:
    script = deciding(workshop, *SAID)
    events = await workshop.run("golden")
    assert events[-1].result["data"] == {"right": True}
    assert script.asked == [("which?", "short", 9)]
    assert not any(b"hid" in encode_event(event) for event in events)
    assert (events[-1].usage, events[3].finish_reason) == (USAGE, "length")
    assert kinds(events)[2:-1] == ["ModelStarted", "ModelCompleted"]


@pytest.mark.parametrize("frames", range(2, 5))
async def test_after_a_crash_it_is_not_asked_for_again(workshop: Any, frames: int) -> None:
    script = deciding(workshop, *SAID)
    client = workshop.connect()
    accepted = await workshop.ask(client, "golden")
    events = await client.ended(accepted.run_id)
    script.asked.clear()
    survivor = await workshop.killed_after(events, "user_ada", frames)
    await survivor.ended(accepted.run_id)
    stored = await workshop.stored(accepted.run_id)
    assert (stored[-1].result, stored[-1].usage) == (events[-1].result, events[-1].usage)
    assert len(script.asked) == (0 if frames == 4 else 1)


async def test_a_model_that_is_away_is_the_same_on_every_replay(workshop: Any) -> None:
    script = deciding(workshop, ModelPart("hid"), DependencyUnavailable("The provider is away."))
    client = workshop.connect()
    accepted = await workshop.ask(client, "golden")
    events = await client.ended(accepted.run_id)
    assert events[-1].result["text"] == "The provider is away."
    script.parts = SAID
    survivor = await workshop.killed_after(events, "user_ada", 4)
    assert (await survivor.ended(accepted.run_id))[-1].result["text"] == "The provider is away."


async def test_without_a_model_it_is_unavailable(workshop: Any) -> None:
    async def run(scope: Any) -> AgentResult:
        with pytest.raises(DependencyUnavailable, match="No language model is configured"):
            await scope.ask_model("which?", shown=False)
        return AgentResult("told")

    workshop.agent("golden", run)
    assert isinstance((await workshop.run("golden"))[-1], AgentCompleted)


@pytest.mark.parametrize("more", [{"check": bool}, {"instead": "template"}])
async def test_what_is_not_shown_has_nothing_in_its_place(workshop: Any, more: dict[str, Any]) -> None:
    async def run(scope: Any) -> AgentResult:
        with pytest.raises(ValueError, match="check and instead are for what is shown"):
            await scope.ask_model("which?", shown=False, **more)
        return AgentResult("told")

    workshop.agent("golden", run)
    assert isinstance((await workshop.run("golden"))[-1], AgentCompleted)
