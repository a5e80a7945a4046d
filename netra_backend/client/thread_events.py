"""The events of one followed thread that wait for their reader."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from ..app.core.events import AnyEvent

MAX_WAITING: Final = 10_000
"""Above that the connection is not read any more, until the reader has caught up."""


class ThreadEvents:
    """A bounded queue with an end."""

    def __init__(self) -> None:
        self._events: deque[AnyEvent] = deque()
        self._changed = asyncio.Condition()
        self._ended: Exception | None = None

    async def put(self, event: AnyEvent) -> None:
        """Add one event; waits while the queue is full."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._events) < MAX_WAITING)
            self._events.append(event)
            self._changed.notify_all()

    async def get(self) -> AnyEvent:
        """The next event. After the last one, raises what ended them."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._events or self._ended is not None)
            if not self._events:
                assert self._ended is not None
                raise self._ended
            event = self._events.popleft()
            self._changed.notify_all()
            return event

    async def end(self, error: Exception) -> None:
        """No event comes any more."""
        async with self._changed:
            self._ended = error
            self._changed.notify_all()
