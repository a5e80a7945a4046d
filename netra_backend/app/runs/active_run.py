"""A run of this process that has not ended."""

from __future__ import annotations

import asyncio

import msgspec

from ..agents.supervisor.execution_engine import UserExecutionEngine
from ..core.history import RunRecord
from ..core.journal import Journal


class ActiveRun(msgspec.Struct, eq=False):
    """A run that was accepted and has not ended. ``task`` is ``None`` while it waits for its thread; ``began`` is monotonic
    seconds; ``begun`` tells that the task has taken its first step."""

    owner: str
    run: RunRecord
    engine: UserExecutionEngine
    message: str
    journal: Journal
    began: float = 0.0
    begun: bool = False
    task: asyncio.Task[None] | None = None
