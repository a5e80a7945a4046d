"""The parts of a process that requests and the runs that come of them work with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ..agents.supervisor.agent_registry import AgentRegistry
from ..agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from ..agents.supervisor.run_services import RunServices
from ..core.limits import Limits
from ..core.plans import Plan, Plans
from ..core.quotas import Quotas
from ..ports import EventLog
from ..services.conversations import Conversations


def _nothing_revoked(_: str) -> int:
    return -1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParts:
    """Made once by the composition root. ``revoked_ms(user_id)``: what the user asked for up to then does not go on; -1 if
    nothing was revoked. A process that stands still for ``freeze_s`` may lose its threads
    to others."""

    log: EventLog
    conversations: Conversations
    engines: ExecutionEngineFactory
    registry: AgentRegistry
    services: RunServices
    quotas: Quotas
    limits: Limits
    loop: asyncio.AbstractEventLoop
    revoked_ms: Callable[[str], int] = _nothing_revoked
    freeze_s: float = float("inf")
    plans: Plans | None = None

    def plan_of(self, name: str) -> Plan | None:
        """The plan that a sign-in names, or named when a run began; ``None`` if this server has no plans."""
        return None if self.plans is None else self.plans.of(name)
