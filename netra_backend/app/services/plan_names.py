"""Whether plans name what there is."""

from __future__ import annotations

from collections.abc import Collection

from ..core import plan_points
from ..core.errors import ConfigurationError
from ..core.plans import Plans


def check_plan_names(plans: Plans | None, agents: Collection[str], tools: Collection[str]) -> None:
    """Raises ``ConfigurationError`` if a plan names an agent or a tool that the server does not have: its users would lack it,
    and nobody would know why."""
    if plans is not None and (faults := plans.unknown_names(agents, tools)):
        raise ConfigurationError(faults, point=plan_points.PLAN_NAMES)
