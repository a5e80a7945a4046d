"""A line knows whose steps it records: after a handoff those of the agent that took over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from netra_backend.app.agents.frameworks.openai_agents.lines import CURRENT, Line
from netra_backend.app.core.errors import Fault


class Steps:
    """Agents' steps, as they begin and end."""

    def __init__(self, waits: bool = False) -> None:
        self.seen: list[str] = []
        self.waits = waits

    @asynccontextmanager
    async def agent(self, name: str) -> AsyncIterator[Any]:
        self.seen.append(f"+{name}")
        try:
            yield SimpleNamespace(name=name)
        except ValueError:
            self.seen.append(f"!{name}")
            raise
        self.seen.append(f"-{name}")


def line(steps: Steps) -> Any:
    served: Any = SimpleNamespace(fault=None, cloned=lambda agent, line: SimpleNamespace(original=agent))
    scope: Any = SimpleNamespace(framework=steps, name="root")
    return Line(served, scope)


async def test_one_agent_after_the_other_is_at_work() -> None:
    steps = Steps()
    made = line(steps)
    made.hand_off("a")
    assert made.scope.name == "a"
    made.hand_off("b")
    made.close()
    assert (made.scope.name, steps.seen) == ("root", ["+a", "-a", "+b", "-b"])
    made.close()


async def test_a_run_that_fails_ends_the_agents_step_with_it() -> None:
    steps = Steps()
    made = line(steps)
    made.hand_off("a")
    made.close(ValueError("x"))
    assert steps.seen == ["+a", "!a"]


async def test_an_agent_has_one_copy_and_a_copy_is_its_own() -> None:
    made, agent = line(Steps()), SimpleNamespace()
    clone = made.agent(agent)
    assert clone.original is agent
    assert made.agent(agent) is clone
    assert made.agent(clone) is clone


def test_a_run_that_begins_is_the_lines() -> None:
    made = line(Steps())
    with made.begins():
        assert CURRENT.get() is made
    assert CURRENT.get() is None


@pytest.mark.parametrize("fault", [Fault("first"), ValueError("x")])
def test_the_first_that_netra_raises_is_kept(fault: Exception) -> None:
    made = line(Steps())
    made.note(fault)
    made.note(Fault("second"))
    assert str(made.served.fault) == ("first" if isinstance(fault, Fault) else "second")
