"""Lines of JSON whose objects all have the same members, as nearly all logs have: decoded without a dict for each.

What the members are is learnt from a page that was decoded without knowing. A line that has one more, or one less, or is not
JSON at all, is none of them, and its page is decoded without knowing again; so both ways give the same records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from .batch import Table
from .json_stream import CONTAINERS

MAX_MEMBERS: Final = 64
"""Members that are learnt; records with more are decoded as they come."""
_TRUST: Final = 16
_LOST: Final = 4
"""A page that was not alike costs as much trust as this many that were gain: so few pages are decoded twice."""
_LESSONS: Final = 16

FAULTS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a line that is not JSON, or not what was expected, is answered by."""


class SchemaCache:
    """Decodes pages of lines as long as their objects are alike."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._read: Callable[[Sequence[bytes]], Iterator[tuple[Any, ...]]] | None = None
        self._trust = _TRUST
        self._lessons = _LESSONS

    def table(self, lines: Sequence[bytes]) -> Table | None:
        """The record of each line, if all are alike and have the members that were learnt."""
        if self._read is None or self._trust < 0:
            return None
        try:
            rows = list(self._read(lines))
        except FAULTS:
            self._trust -= _LOST
            return None
        self._trust = min(self._trust + 1, _TRUST)
        return Table(dict(zip(self._names, map(list, zip(*rows, strict=True)), strict=True)), len(rows))

    def learn(self, records: Sequence[Mapping[str, Any]]) -> None:
        """See whether ``records``, which were decoded without knowing, are alike."""
        names = tuple(records[0])
        if not 1 < len(names) <= MAX_MEMBERS or names == self._names or not self._lessons or self._trust < 0:
            return
        if not CONTAINERS.isdisjoint(names) or any(record.keys() != records[0].keys() for record in records):
            return
        self._lessons -= 1
        fields = [f"m{number}" for number in range(len(names))]
        try:
            kind = msgspec.defstruct(
                "Alike",
                [(field, Any) for field in fields],
                rename=dict(zip(fields, names, strict=True)),
                forbid_unknown_fields=True,
                gc=False,
            )
        except ValueError:  # no decoder can be made for such a name
            return
        decode, members = msgspec.json.Decoder(kind).decode, attrgetter(*fields)
        self._names, self._read = names, lambda lines: map(members, map(decode, lines))
