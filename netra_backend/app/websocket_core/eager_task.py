"""Runs a coroutine at once, and makes a task of it only where it suspends.

What is run this way must not look at ``current_task()`` before its first suspension (``asyncio.timeout`` and ``TaskGroup``
do): it is for our own short steps, never for agents or tools.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from ..core.coroutines import resume


async def _adopt(coroutine: Coroutine[Any, Any, None], waiting_for: Any) -> None:
    await resume(coroutine, waiting_for)


def begin(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run it up to its first suspension. ``None`` where it ended before; its exception is raised here then."""
    try:
        waiting_for = coroutine.send(None)
    except StopIteration:
        return None
    return loop.create_task(_adopt(coroutine, waiting_for))
