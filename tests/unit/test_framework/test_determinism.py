"""Agents that read a clock or entropy between steps are found, with the step and the place; those that do not are left alone."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from netra_backend.app.agents.interface import AgentResult
from test_framework.counted_tool import Counter, adding
from test_framework.determinism import check_determinism

HERE = str(Path(__file__))
LINES = Path(__file__).read_text().splitlines()


def agent(run: Callable[[Any], Awaitable[None]], tools: frozenset[str] = frozenset()) -> Any:
    class Golden:
        name = "golden"
        description = "of a test"

        async def run(self, scope: Any) -> AgentResult:
            await run(scope)
            return AgentResult("done")

    Golden.tools = tools  # type: ignore[attr-defined]
    return Golden


read = getattr
"""The agents here are to read clocks, which tests themselves may not."""

ASKING: dict[str, Callable[[], Any]] = {
    "time.time": lambda: read(time, "time")(),
    "datetime.now": lambda: read(datetime, "now")(UTC),
    "date.today": lambda: read(date, "today")(),
    "random.random": lambda: random.random(),
    "random.choice": lambda: random.choice(range(10**9)),
    "uuid.uuid4": lambda: uuid.uuid4(),
    "os.urandom": lambda: os.urandom(8),
    "secrets.token_bytes": lambda: secrets.token_hex(8),
}


@pytest.mark.parametrize("what", ASKING)
async def test_what_is_read_between_steps_is_found_with_its_step_and_its_place(what: str) -> None:
    async def run(scope: Any) -> None:
        await scope.think("first")
        await scope.think(f"it is {ASKING[what]()}")

    report = await check_determinism(agent(run), "go")
    (difference,) = report.differences
    assert difference.step == "think#2"
    assert {each.place.rpartition(":")[0] for each in difference.asked} == {HERE}
    line = next(number for number, line in enumerate(LINES, 1) if f'"{what}": lambda' in line)
    assert {each.place.rpartition(":")[2] for each in difference.asked} == {str(line)}
    with pytest.raises(AssertionError, match=rf"think#2.*test_determinism\.py:{line}"):
        report.check()


async def test_a_clock_that_decides_which_step_comes_is_found() -> None:
    begun = read(datetime, "now")(UTC).date()

    async def run(scope: Any) -> None:
        await scope.use_tool("add", amount=1 if read(datetime, "now")(UTC).date() == begun else 2)

    report = await check_determinism(agent(run, frozenset({"add"})), "go", tools=[adding(Counter())])
    assert [each.step for each in report.differences] == ["tool:add#1"]


async def test_what_steps_do_what_the_scope_tells_and_what_nobody_uses_is_left_alone() -> None:
    counter = Counter()
    log = logging.getLogger("agent")

    async def body() -> float:
        return float(read(time, "time")()) + random.random()

    async def line(scope: Any) -> None:
        await scope.step("body", body)
        await asyncio.sleep(0)
        log.warning("a line of the log has a time")

    async def run(scope: Any) -> None:
        await scope.think(f"{scope.now_ms} {Random(scope.now_ms).random()}")
        await asyncio.gather(line(scope), scope.use_tool("add"), scope.ask_model("How much?"))
        seen = read(time, "monotonic")()
        await scope.think("nobody uses it" if seen else "")

    report = await check_determinism(
        agent(run, frozenset({"add"})), "go", tools=[adding(counter)], answers={"How much?": "Two."}
    )
    report.check()
    assert [each.what for each in report.asked] == ["time.monotonic"]
    assert counter.calls == [1]
