"""Turns of the loop for connections that send more than is parsed in one, shared by all connections of a server."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class ReadingTurns:
    """In each turn of the loop one of those that wait goes on, in the order in which they came: however many connections send
    long messages, others are delayed by no more than one turn's of one connection."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def wait(self, loop: asyncio.AbstractEventLoop, go_on: Callable[[], None]) -> None:
        """Have it called in a later turn of this loop."""
        if not self._waiting:
            loop.call_soon(self._next, loop)
        self._waiting.append(go_on)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        go_on = self._waiting.popleft()
        if self._waiting:
            loop.call_soon(self._next, loop)
        go_on()
