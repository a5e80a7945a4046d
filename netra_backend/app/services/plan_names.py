"""Whether settings and plans name what there is."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from ..core import plan_points, run_points
from ..core.errors import ConfigurationError
from ..core.plans import Plans


def check_plan_names(plans: Plans | None, agents: Collection[str], tools: Collection[str]) -> None:
    """Raises ``ConfigurationError`` if a plan names an agent or a tool that the server does not have: its users would lack it,
    and nobody would know why."""
    if plans is not None and (faults := plans.unknown_names(agents, tools)):
        raise ConfigurationError(faults, point=plan_points.PLAN_NAMES)


def check_default_agent(name: str, agents: Collection[str]) -> None:
    """Raises ``ConfigurationError`` if the server does not have the agent that requests are for which name none."""
    if name not in agents:
        near = difflib.get_close_matches(name, sorted(agents), n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}?" if near else f"It has {', '.join(sorted(agents))}."
        raise ConfigurationError(
            [f"NETRA_DEFAULT_AGENT: there is no agent named {name[:64]!r}. {hint}"], point=run_points.RUN_DEFAULT_AGENT
        )
