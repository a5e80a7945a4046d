"""What waits, in groups that are served round and round: who has much in one group keeps nobody of another one waiting."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

Group = TypeVar("Group")
Item = TypeVar("Item")


class FairQueue(Generic[Group, Item]):
    """Takes no memory for groups in which nothing waits. The caller bounds how much waits."""

    __slots__ = ("_groups", "_size")

    def __init__(self) -> None:
        self._groups: OrderedDict[Group, OrderedDict[Item, None]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, group: Group, item: Item) -> None:
        """It waits from now on, behind what waits in its group already. It does not wait yet."""
        self._groups.setdefault(group, OrderedDict())[item] = None
        self._size += 1

    def take(self) -> Item:
        """The one that has waited longest in the group whose turn it is. Something must wait."""
        group = next(iter(self._groups))
        item = next(iter(self._groups[group]))
        self._groups.move_to_end(group)
        self.drop(group, item)
        return item

    def drop(self, group: Group, item: Item) -> None:
        """This one, which waits in this group, waits no longer."""
        of_group = self._groups[group]
        del of_group[item]
        self._size -= 1
        if not of_group:
            del self._groups[group]
