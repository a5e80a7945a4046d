"""The newest of what was put in, and no more than there is room for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Recent(Generic[_Key, _Value]):
    """Keys to values; if there is no room, the oldest entry is dropped."""

    __slots__ = ("_most", "_values")

    def __init__(self, most: int) -> None:
        self._most = most
        # A plain dict finds its first key by going over the places of all that were dropped before it.
        self._values: OrderedDict[_Key, _Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: _Key) -> _Value | None:
        return self._values.get(key)

    def put(self, key: _Key, value: _Value) -> None:
        values = self._values
        if len(values) >= self._most and key not in values:
            values.popitem(last=False)
        values[key] = value

    def drop(self, key: _Key) -> None:
        """Forget it, if it is known."""
        self._values.pop(key, None)

    def drop_where(self, condition: Callable[[_Key], bool]) -> list[_Value]:
        """Forget every key of which this holds; their values."""
        return [self._values.pop(key) for key in [key for key in self._values if condition(key)]]
