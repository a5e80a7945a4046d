"""How to close something whose kind is not known."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any


def close_method(opened: object) -> Callable[[], Awaitable[None]]:
    """A coroutine function that closes ``opened`` by its ``cleanup``, ``aclose`` or ``close``, sync or async.

    Raises ``TypeError`` where it has none of them.
    """
    for name in ("cleanup", "aclose", "close"):
        if callable(method := getattr(opened, name, None)):
            return as_async(method)
    raise TypeError(f"{type(opened).__name__} has none of cleanup, aclose, close")


def as_async(function: Callable[[], Any]) -> Callable[[], Awaitable[None]]:
    """A coroutine function that calls ``function`` and awaits its answer where that is awaitable."""

    async def calling() -> None:
        answer = function()
        if inspect.isawaitable(answer):
            await answer

    return calling
