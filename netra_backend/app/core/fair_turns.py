"""What waits for one of a few places, shared out by owner, so that nobody waits for all that another owner has brought."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import Final, Generic, TypeVar

_Item = TypeVar("_Item")
NOBODY: Final = ""
"""The owner of what is quick, and of what the server does for itself: that comes first, and may take every place."""


class FairTurns(Generic[_Item]):
    """The items of one owner go in their order, the owners in turn. The last quarter of places is for owners who have none."""

    __slots__ = ("_held", "_taken", "_waiting")

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[_Item]] = OrderedDict()
        self._held: Counter[str] = Counter()
        self._taken = 0

    def __len__(self) -> int:
        """How many have a place or wait for one."""
        return self._taken + sum(map(len, self._waiting.values()))

    def put(self, owner: str, item: _Item) -> None:
        """It waits from now on."""
        self._waiting.setdefault(owner, deque()).append(item)
        if owner == NOBODY:
            self._waiting.move_to_end(owner, last=False)

    def withdraw(self, owner: str, item: _Item) -> bool:
        """It waits no more; whether it did."""
        waiting = self._waiting.get(owner, ())
        if item not in waiting:
            return False
        self._waiting[owner].remove(item)
        if not waiting:
            del self._waiting[owner]
        return True

    def take(self, places: int) -> tuple[str, _Item] | None:
        """The next item that one of so many places is free for, and whose it is; its place is taken until ``leave``."""
        shared = places - places // 4
        if self._taken >= places:
            return None
        for owner, waiting in self._waiting.items():
            if owner == NOBODY or self._taken < shared or not self._held[owner]:
                item = waiting.popleft()
                if not waiting:
                    del self._waiting[owner]
                elif owner != NOBODY:
                    self._waiting.move_to_end(owner)
                self._held[owner] += 1
                self._taken += 1
                return owner, item
        return None

    def leave(self, owner: str) -> None:
        """A place that this owner had is free."""
        self._taken -= 1
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
