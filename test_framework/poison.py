"""Agents whose code harms the process that it runs in: ``netra serve --app test_framework.poison``, for tests. What was begun is
noted (``effects``)."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Final

from netra_backend.app.agents.interface import AgentResult, RunScope
from netra_backend.app.agents.tools.decorator import tool

from .effects import note_effect

BLOCKS_S: Final = 45.0
"""Longer than a lease."""

_KNOWN_S: Final = 0.5
"""Until then the call is stored, and its user knows of it."""


@tool(idempotent=True)
async def end_process() -> None:
    """Ends the process, each time."""
    await asyncio.sleep(_KNOWN_S)
    note_effect("end")
    os._exit(3)


@tool(idempotent=True, timeout_s=600)
async def block() -> None:
    """Blocks the loop, as an ``async`` function must not."""
    await asyncio.sleep(_KNOWN_S)
    note_effect("block")
    time.sleep(BLOCKS_S)  # noqa: ASYNC251


@tool(idempotent=True)
def block_briefly() -> None:
    """Blocks a thread, as a plain function may."""
    note_effect("brief")
    time.sleep(1.5)


class Poison:
    """Does what its message says: ``end_process``, ``block`` or ``block_briefly``."""

    name = "poison"
    description = "Harms its process."
    tools = frozenset({"end_process", "block", "block_briefly"})

    async def run(self, scope: RunScope) -> AgentResult:
        """Call the tool."""
        await scope.think(scope.message)
        await scope.use_tool(scope.message)
        return AgentResult("done")


class Deaf:
    """Does not end when it is stopped."""

    name = "deaf"
    description = "Goes on whatever happens."
    tools: frozenset[str] = frozenset()

    async def run(self, scope: RunScope) -> AgentResult:
        """Swallow every cancellation."""
        await scope.think("going on")
        while True:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                note_effect("deaf")


AGENTS: Final = (Poison, Deaf)
TOOLS: Final = (end_process, block, block_briefly)
