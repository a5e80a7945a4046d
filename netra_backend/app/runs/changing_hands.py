"""A thread may pass from one process to another while a request looks for it: the request is tried again, a few times."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from ..core.errors import DependencyUnavailable

TRIES: Final = 4

T = TypeVar("T")


async def until_found(attempt: Callable[[], Awaitable[T | None]]) -> T:
    """The first answer of ``attempt`` that is not ``None``. Raises ``DependencyUnavailable`` if there is none."""
    for _ in range(TRIES):
        if (answer := await attempt()) is not None:
            return answer
    raise changing_hands()


def changing_hands() -> DependencyUnavailable:
    """What a user is told if no process is found to hold the matter."""
    return DependencyUnavailable(
        "This is being handed over from one process of the server to another.", retry_after_ms=1000
    )
