"""What tools change in a run's context is the same after a crash, without their being called again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from agents import Agent, RunContextWrapper, function_tool, handoff
from agents.testing import ModelCall, assistant_message, function_call
from pydantic import BaseModel

from netra_backend.app.agents.frameworks.openai_agents import contexts
from netra_backend.app.core.events import AgentCompleted, StepFinished, ToolCompleted


class Seat(BaseModel):
    row: int


@dataclass
class Trip:
    """A context as authors write one; ``connection`` is nothing that could be recorded."""

    place: str = ""
    day: date | None = None
    seats: list[Seat] = field(default_factory=list)
    connection: Any = field(default_factory=object)


class Basket(BaseModel):
    items: list[str] = []
    seat: Seat | None = None


def change(context: Any) -> None:
    if isinstance(context, Trip):
        context.place, context.day = "Oslo", date(2026, 11, 30)
        context.seats.append(Seat(row=3))
    elif isinstance(context, Basket):
        context.items.append("milk")
        context.seat = Seat(row=1)
    elif isinstance(context, dict):
        context |= {"a": [1], "b": None}
    elif context is not None:
        context.a = {"b": 2}


@pytest.mark.parametrize("make", [Trip, Basket, dict, SimpleNamespace, lambda: None])
def test_what_was_changed_is_changed_again_in_its_type(make: Any) -> None:
    changed, untouched = make(), make()
    before = contexts.snapshot(changed)
    change(changed)
    found = contexts.changes(before, changed)
    contexts.restore(untouched, found)
    if isinstance(changed, Trip):
        changed.connection = untouched.connection
    assert untouched == changed
    assert contexts.changes(contexts.snapshot(changed), changed) == {}


def test_what_a_context_cannot_hold_is_left() -> None:
    context = Trip()
    contexts.restore(context, {"day": "no date", "place": "Rome"})
    assert (context.day, context.place) == (None, "Rome")


@pytest.mark.parametrize("output", ["text", {"netra_context": {"x": 1}}, {"output": 1}])
@pytest.mark.parametrize("changed", [{}, {"x": 2}])
def test_an_output_is_told_from_what_was_changed(output: Any, changed: dict[str, Any]) -> None:
    recorded = contexts.with_changes(output, changed)
    assert contexts.output_of(recorded) == output
    assert contexts.changes_of(recorded) == changed


async def test_wherever_a_run_is_killed_its_context_is_the_same(workshop: Any, served: Any) -> None:
    numbers = count(1)

    @function_tool
    def choose(context: RunContextWrapper[Trip], place: str) -> str:
        """Chooses a place."""
        context.context.place = f"{place} {next(numbers)}"
        return "chosen"

    @function_tool
    def tell(context: RunContextWrapper[Trip]) -> str:
        """Tells what was chosen."""
        return f"{context.context.place}, {context.context.seats}"

    def seated(context: RunContextWrapper[Trip]) -> None:
        context.context.seats.append(Seat(row=next(numbers)))

    def answer(call: ModelCall) -> Any:
        outputs = [item["output"] for item in call.input if item.get("type") == "function_call_output"]
        if call.system_instructions == "front":
            if not outputs:
                return function_call("choose", '{"place": "Oslo"}', call_id="c1")
            return function_call("transfer_to_back", "{}", call_id="c2")
        return assistant_message(outputs[2]) if len(outputs) == 3 else function_call("tell", "{}", call_id="c3")

    model = served.model(answer)
    back: Agent[Any] = Agent(name="back", instructions="back", model=model, tools=[tell])
    handoffs: list[Any] = [handoff(back, on_handoff=seated)]
    front: Agent[Any] = Agent(name="front", instructions="front", model=model, tools=[choose], handoffs=handoffs)
    served.agent(front, context=lambda user: Trip(), idempotent_tools={"tell"})
    events = await workshop.run("front")
    assert events[-1].result["text"] == "Oslo 1, [Seat(row=2)]"
    chosen = next(each for each in events if isinstance(each, ToolCompleted))
    assert chosen.result == "chosen"
    told = [place for place, each in enumerate(events) if isinstance(each, ToolCompleted)]
    (seated_at,) = [
        place for place, each in enumerate(events) if isinstance(each, StepFinished) and each.recorded is not None
    ]

    def check(frames: int, after: Any) -> None:
        assert isinstance(after[-1], AgentCompleted), (frames, after[-1])
        if frames > told[0]:
            assert after[-1].result["text"].startswith("Oslo 1, "), frames
        if frames > seated_at:
            assert after[-1].result == events[-1].result

    await served.boundaries(events, check)
