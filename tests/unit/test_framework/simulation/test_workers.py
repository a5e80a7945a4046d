"""The worker takes the steps of its plan; its tools count what they do."""

from __future__ import annotations

from random import Random
from typing import Any, cast

import pytest

from netra_backend.app.agents.interface import ModelReply, RunScope, ToolOutcome
from test_framework.simulation.truth import Truth
from test_framework.simulation.workers import STEPS, EchoModel, Numbered, Plan, Worker, make_tools, read_plan
from test_framework.ssot.fixtures import create_valid_user_execution_context


class Noted:
    """A scope that notes what is asked of it."""

    def __init__(self, message: str) -> None:
        self.message = message
        self.asked: list[tuple[str, Any]] = []
        self.answers = True

    async def think(self, text: str) -> None:
        self.asked.append(("think", text))

    async def say(self, text: str) -> None:
        self.asked.append(("say", text))

    async def ask_model(self, prompt: str) -> ModelReply:
        self.asked.append(("model", prompt))
        return ModelReply(prompt)

    async def ask_user(self, question: str, *, schema: Any) -> str:
        self.asked.append(("ask", question))
        return f"{question if self.answers else 'another'}=yes"

    async def sleep(self, seconds: float) -> None:
        self.asked.append(("nap", seconds))

    async def use_tool(self, tool: str, number: int) -> ToolOutcome:
        self.asked.append((tool, number))
        return ToolOutcome(True, number) if tool == "look" else ToolOutcome(False, error={"code": "TOOL_FAILED"})


def test_a_plan_is_a_message_and_back() -> None:
    plan = Plan("k", "user_1", ("think", "look"))
    assert read_plan(plan.encoded()) == plan
    assert plan.text(3) == "user_1/k/3"


async def test_the_worker_takes_every_step_in_order() -> None:
    steps = tuple(step for step in STEPS if step not in ("boom", "pair", "models", "lines"))
    scope = Noted(Plan("k", "u", steps).encoded())
    result = await Worker().run(cast(RunScope, scope))
    assert [step for step, _ in scope.asked] == list(steps)
    assert result.text == f"u/k/{len(steps)}"
    assert result.data == {"came": [2, "TOOL_FAILED", "TOOL_FAILED", "u/k/5", "u/k/6=yes"]}


class Aside(Noted):
    """Gives every step the result of its number; or each that of another."""

    def __init__(self, message: str, swapped: bool) -> None:
        super().__init__(message)
        self._by = 1 if swapped else 0

    async def use_tool(self, tool: str, number: int) -> ToolOutcome:
        self.asked.append((tool, number))
        return ToolOutcome(True, {"number": number + self._by})

    async def step(self, name: str, body: Any, **_: Any) -> Any:
        self.asked.append(("step", name))
        return await body()

    async def ask_model(self, prompt: str) -> ModelReply:
        return ModelReply(prompt + "x" * self._by)


@pytest.mark.parametrize("step", ["pair", "models", "lines"])
async def test_the_worker_takes_steps_side_by_side_and_notices_if_they_are_swapped(step: str) -> None:
    plan = Plan("k", "u", (step,)).encoded()
    await Worker().run(cast(RunScope, Aside(plan, False)))
    with pytest.raises((RuntimeError, ExceptionGroup), match=r"swapped|TaskGroup"):
        await Worker().run(cast(RunScope, Aside(plan, True)))


async def test_the_worker_fails_where_its_plan_says_so() -> None:
    with pytest.raises(RuntimeError, match="as planned"):
        await Worker().run(cast(RunScope, Noted(Plan("k", "u", ("boom",)).encoded())))


async def test_the_worker_fails_if_it_gets_the_answer_to_another_question() -> None:
    scope = Noted(Plan("k", "u", ("ask",)).encoded())
    scope.answers = False
    with pytest.raises(RuntimeError, match="swapped"):
        await Worker().run(cast(RunScope, scope))


async def test_tools_that_are_not_idempotent_tell_what_they_did() -> None:
    truth = Truth()
    tools = {tool.name: tool for tool in make_tools(Random(1), truth, lambda: 0.0)}
    assert {name: tool.idempotent for name, tool in tools.items()} == {"look": True, "charge": False, "gate": False}
    assert tools["gate"].approval
    context = create_valid_user_execution_context()
    for tool in tools.values():
        answer = await tool.call(context, Numbered(4 if tool.name == "charge" else 5))
        assert answer["user"] == context.user_id
    assert truth.effects == {(0, context.run_id, 4): 1, (0, context.run_id, 5): 1}


async def test_the_model_says_the_prompt_in_parts() -> None:
    parts = [
        part
        async for part in EchoModel(Random(1), lambda: 0.0).stream("a prompt of some length", system="", max_tokens=9)
    ]
    assert "".join(part.text for part in parts) == "a prompt of some length"
    assert [part.usage is not None for part in parts] == [False, False, False, True]
