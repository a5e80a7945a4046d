"""A run of this process that has not ended."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec

from ..agents.supervisor.execution_engine import UserExecutionEngine
from ..core.history import RunRecord
from ..core.journal import Journal


class ActiveRun(msgspec.Struct, eq=False):
    """A run that was accepted and has not ended. ``parts`` are those of its message, as they were recorded.

    ``lifetime`` is the scope of its engine, from its request to its end; ``task`` carries it on, and is ``None`` while the run
    waits for its thread. ``began`` and ``stopped`` are monotonic seconds. ``gone`` is set once the run is here no
    longer, if anybody waits for that.
    """

    owner: str
    run: RunRecord
    engine: UserExecutionEngine
    message: str
    journal: Journal
    parts: Sequence[dict[str, Any]] = ()
    lifetime: Coroutine[Any, Any, None] | None = None
    began: float = 0.0
    stopped: float = 0.0
    task: asyncio.Task[None] | None = None
    gone: asyncio.Event | None = None
