"""The parts of a process that requests and the runs that come of them work with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ...core.limits import Limits, Quotas
from ...ports import EventLog
from ...services.conversations import Conversations
from .agent_registry import AgentRegistry
from .execution_engine_factory import ExecutionEngineFactory
from .run_services import RunServices


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
