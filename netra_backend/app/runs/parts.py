"""The parts of a process that requests and the runs that come of them work with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..agents.supervisor.agent_registry import AgentRegistry
from ..agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from ..agents.supervisor.run_services import RunServices
from ..core.limits import Limits
from ..core.quotas import Quotas
from ..ports import EventLog
from ..services.conversations import Conversations


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParts:
    """Made once by the composition root."""

    log: EventLog
    conversations: Conversations
    engines: ExecutionEngineFactory
    registry: AgentRegistry
    services: RunServices
    quotas: Quotas
    limits: Limits
    loop: asyncio.AbstractEventLoop
