"""What was really done, outside of runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest


class Witness:
    """What was really done, outside of the run."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def body(self, name: str, result: Any = None, fault: BaseException | None = None) -> Callable[[], Awaitable[Any]]:
        async def act() -> Any:
            self.done.append(name)
            await asyncio.sleep(0)
            if fault is not None:
                raise fault
            return result

        return act


@pytest.fixture
def witness() -> Witness:
    return Witness()
