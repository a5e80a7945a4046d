"""The run whose code is on a stack: of its own function, of its tasks, and of what it calls."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from netra_backend.app.agents.interface import AgentResult
from netra_backend.app.agents.supervisor.stack_owner import run_on
from test_framework.counted_tool import adding


async def test_the_run_is_found_from_its_function_its_tasks_its_steps_and_its_tools(workshop: Any) -> None:
    found: list[str] = []

    def look() -> None:
        found.append(run_on(sys._getframe()))

    async def act(*_: Any) -> dict[str, int]:
        look()
        return {}

    async def line(scope: Any) -> None:
        look()
        await scope.think("one")

    async def run(scope: Any) -> AgentResult:
        look()
        await asyncio.gather(scope.step("act", act), scope.use_tool("add"), line(scope))
        return AgentResult("")

    workshop.tool(adding(act))
    workshop.agent("golden", run, ["add"])
    events = await workshop.run("golden")
    assert found == [events[0].run_id] * 4


async def test_code_of_nobody_belongs_to_no_run() -> None:
    assert run_on(sys._getframe()) == ""
    assert run_on(None) == ""
