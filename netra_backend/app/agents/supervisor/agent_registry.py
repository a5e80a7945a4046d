"""The agents that can be run, by name. It makes a new one for every run: no state passes from one user to another."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable
from typing import Any

from ...core import plan_points, validation
from ...core.errors import NotFound
from ...core.plans import Plan
from ...services.hiding import hidden_text
from ..interface import Agent, AgentListed

MakeAgent = Callable[[], Agent]


class AgentRegistry:
    """Names to makers of agents. ``default`` is asked by requests that name none."""

    _ssot_validation_enabled = True

    def __init__(self, default: str = "supervisor") -> None:
        self.default = default
        self._makers: dict[str, MakeAgent] = {}
        self._codes: dict[str, str] = {}
        self._made = 0

    def configure(self, *makers: MakeAgent) -> None:
        """Register makers (an agent class is one) under their agents' names. Raises ``ValueError`` for a name twice."""
        for make in makers:
            agent = make()
            name = agent.name
            if name in self._makers:
                raise ValueError(f"an agent named {name!r} is already registered")
            self._makers[name] = make
            self._codes[name] = _code_of(agent)

    def code_of(self, name: str) -> str:
        """The version of the agent's code: its ``version``, else a digest of its module's source; ``""`` if there is neither."""
        return self._codes.get(name, "")

    def names(self) -> tuple[str, ...]:
        return tuple(self._makers)

    def has(self, name: str) -> bool:
        """Whether there is an agent of that name."""
        return name in self._makers

    def check(self, name: str, plan: Plan | None = None) -> None:
        """Raises ``NotFound`` (``unknown_agent``) if there is no agent of that name, or none in this plan: in the same words."""
        if name not in self._makers:
            raise NotFound(
                self._absent(name, plan), kind="unknown_agent", field="agent", point=validation.REGISTRY_AGENT
            )
        if plan is not None and plan.agents is not None and name not in plan.agents:
            raise NotFound(self._absent(name, plan), kind="unknown_agent", field="agent", point=plan_points.PLAN_AGENT)

    def default_of(self, plan: Plan | None = None) -> str | None:
        """The agent that is asked if a request names none: the default one or, if the plan does not have it, the only one that
        the plan has; ``None`` if there are several."""
        known = self._known(plan)
        if self.default in known:
            return self.default
        return known[0] if len(known) == 1 else None

    def _known(self, plan: Plan | None) -> list[str]:
        return [each for each in self._makers if plan is None or plan.agents is None or each in plan.agents]

    def _absent(self, name: str, plan: Plan | None) -> str:
        known = ", ".join(self._known(plan))
        return f"There is no agent named {hidden_text(name)[:64]!r}. Available agents: {known or 'none'}."

    def make(self, name: str, plan: Plan | None = None) -> Agent:
        """A new agent. Raises ``NotFound`` as ``check`` does."""
        self.check(name, plan)
        self._made += 1
        return self._makers[name]()

    def describe(self, plan: Plan | None = None) -> list[dict[str, Any]]:
        """Name, description and tools of every agent, of those that the plan has."""
        tools = None if plan is None else plan.tools
        made = (self._makers[name]() for name in self._known(plan))
        return [
            {
                "name": agent.name,
                "description": agent.description,
                "tools": sorted(agent.tools if tools is None else agent.tools & tools),
            }
            for agent in made
        ]

    def listed(self, plan: Plan | None = None) -> list[AgentListed]:
        """Name and description of every agent that the plan has."""
        return [AgentListed(each["name"], each["description"]) for each in self.describe(plan)]

    def get_factory_metrics(self) -> dict[str, Any]:
        """How many agents are known and were made."""
        return {"agents_registered": len(self._makers), "agents_made": self._made}

    async def cleanup(self) -> None:
        """Forget every agent."""
        self._makers.clear()
        self._codes.clear()


def _code_of(agent: Agent) -> str:
    if version := getattr(agent, "version", ""):
        return str(version)
    module = sys.modules.get(type(agent).__module__)
    try:
        source = inspect.getsource(module) if module is not None else ""
    except (OSError, TypeError):  # it was typed in, or is compiled
        return ""
    return hashlib.sha256(source.encode("utf-8", "backslashreplace")).hexdigest()[:16] if source else ""
