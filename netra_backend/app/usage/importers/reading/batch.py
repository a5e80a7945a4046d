"""Records that are read together, and where they stood in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar, overload

from ..row import BadRow

PAGE: Final = 512
"""Records that are read together: as many as stay in the processor's cache while column after column is read of them."""

Record = Mapping[str, Any]
Numbered = tuple[int, Record | BadRow]
"""The number of a line or element, and what stood there."""

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Batch:
    """At most ``PAGE`` records, the number of each, and what stood between them and is no record at all."""

    numbers: Sequence[int]
    records: Sequence[Record]
    refused: Sequence[tuple[int, BadRow]] = ()


class Table(Sequence[Record]):
    """Records of the same members, kept as a list for each: a record is made only for who asks for it."""

    __slots__ = ("_columns", "_count")

    def __init__(self, columns: Mapping[str, list[Any]], count: int) -> None:
        self._columns = columns
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Record]:
        return (dict(zip(self._columns, values, strict=True)) for values in zip(*self._columns.values(), strict=True))

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Record]: ...

    def __getitem__(self, place: int | slice) -> Record | Sequence[Record]:
        if isinstance(place, slice):
            return list(self)[place]
        return {name: values[place] for name, values in self._columns.items()}

    def member(self, name: str) -> list[Any]:
        """What stands under ``name`` in each record; ``None`` if nothing does."""
        found = self._columns.get(name)
        return [None] * self._count if found is None else found


def batched(numbered: Iterator[Numbered]) -> Iterator[Batch]:
    """Records that come one by one."""
    while some := list(islice(numbered, PAGE)):
        fit = [(number, record) for number, record in some if not isinstance(record, BadRow)]
        refused = [(number, record) for number, record in some if isinstance(record, BadRow)]
        yield Batch([number for number, _ in fit], [record for _, record in fit], refused)


def pages(items: list[_Item]) -> Iterator[list[_Item]]:
    """``items`` in parts of at most ``PAGE``."""
    return (items[begin : begin + PAGE] for begin in range(0, len(items), PAGE))
