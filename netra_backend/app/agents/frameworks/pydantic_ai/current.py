"""The run whose agent is at work: pydantic-ai passes its operations no argument that could name it."""

from __future__ import annotations

from collections import Counter
from contextvars import ContextVar
from typing import Final

from pydantic_ai.tools import DeferredToolRequests

from ...house_rules import Called, HouseRules
from ...supervisor.branches import current
from ...supervisor.framework_steps import FrameworkSteps
from ...supervisor.scope import EngineRunScope

RUN: Final[ContextVar[AgentRun | None]] = ContextVar("netra_pydantic_ai_run", default=None)


class AgentRun:
    """One run. ``branch`` is that of the agent itself: what the framework's own tasks do has its keys there, whatever the
    framework names those tasks."""

    __slots__ = (
        "approving",
        "asked_by",
        "branch",
        "called",
        "counts",
        "house",
        "is_refused",
        "pending",
        "scope",
        "steps",
    )

    def __init__(self, scope: EngineRunScope, house: HouseRules | None = None) -> None:
        self.scope = scope
        self.steps: FrameworkSteps = scope.framework
        self.branch = current()
        self.asked_by = ""
        """The model request that was answered last: what asked for the tool calls that are made now."""
        self.approving: dict[str, bool | str] = {}
        """Calls that the user is to approve when they are made, by their ids: true, or why."""
        self.pending: DeferredToolRequests | None = None
        """What a capability of the agent's is about to wait for."""
        self.counts: Counter[str] = Counter()
        self.house = house
        self.called: dict[str, Called] = {}
        """The calls of the server's own tools, by the ids that the model gave them."""
        self.is_refused = False
        """Whether a sentence of the last response was not allowed."""

    def next(self, name: str) -> int:
        """How often this was asked for before."""
        count = self.counts[name]
        self.counts[name] += 1
        return count


def current_run() -> AgentRun:
    """The run of the caller's agent."""
    run = RUN.get()
    assert run is not None, "only an agent that is run by a server performs operations here"
    return run
