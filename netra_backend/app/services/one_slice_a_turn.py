"""Long work on the event loop in slices: a process does one of them in each of the loop's turns, for all who have such work."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from .text_redaction import Sliced

T = TypeVar("T")


class OneSliceATurn:
    """Shared by all who have such work in one process."""

    __slots__ = ("_turn",)

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def finish(self, sliced: Sliced[T]) -> T:
        """All of the work. What is one slice is done at once; of the others, each of those who have some gets one in turn."""
        try:
            next(sliced)
            while True:
                async with self._turn:
                    await asyncio.sleep(0)
                    next(sliced)
        except StopIteration as end:
            result: T = end.value
            return result
