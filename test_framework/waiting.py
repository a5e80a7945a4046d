"""Waiting without sleeping: for what sets no event, and for other tasks to go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

PATIENCE_S = 30.0
"""For what takes a moment: a test that waits so long has failed."""


async def until(condition: Callable[[], Any]) -> Any:
    """What the condition gives once it holds; ``TimeoutError`` where it never does."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := condition()):  # noqa: ASYNC110  # what is awaited sets no event
            await asyncio.sleep(0)
        return found


async def turns(count: int = 5) -> None:
    """Let the loop turn so many times: tasks that are ready go on."""
    for _ in range(count):
        await asyncio.sleep(0)
