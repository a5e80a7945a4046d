"""Goes on with a coroutine that was started by hand."""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


@types.coroutine
def resume(coroutine: Coroutine[Any, Any, T], waiting_for: Any) -> Generator[Any, Any, T]:
    """Await the rest of a coroutine whose first ``send(None)`` gave ``waiting_for``. Cancelling reaches it."""
    while True:
        try:
            value = yield waiting_for
        except BaseException as error:
            try:
                waiting_for = coroutine.throw(error)
            except StopIteration as ended:
                return ended.value  # type: ignore[no-any-return]  # what the coroutine returned
        else:
            try:
                waiting_for = coroutine.send(value)
            except StopIteration as ended:
                return ended.value  # type: ignore[no-any-return]  # what the coroutine returned


@types.coroutine
def hand_over(value: T) -> Generator[T, None, None]:
    """Suspend once. ``value`` is what the ``send(None)`` returns that brought the coroutine here; its caller then owns the rest
    of the coroutine, and may make a task of it or close it."""
    yield value
