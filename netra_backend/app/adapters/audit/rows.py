"""Rows of the audit trail as every adapter keeps them, and how many of one owner."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import msgspec

from ...services.audit_trail import plain_detail

ROOM: Final = 10_000
"""How many records may wait to be written; what comes on top is dropped and counted."""

KEPT: Final = 10_000
"""How many rows are kept of one owner, the newest: nobody fills the disk by being refused, nor pushes others out."""

_MAX_ROWS: Final = 1_000
_MAX_OWNERS_WATCHED: Final = 100_000

UNWRITABLE: Final = "their detail cannot be written down"

Record = tuple[int, str | None, str, str | None, dict[str, str | int]]
"""When, whose, what, at which validation point, and the detail."""


Row = tuple[int, str | None, str, str | None, str]
"""A record with its detail as text."""


def written(records: Iterable[Record]) -> list[Row]:
    """The records as they are kept. One whose detail cannot be written down is left out, and costs no other its place."""
    rows: list[Row] = []
    for at, owner, event, point, detail in records:
        with suppress(msgspec.MsgspecError, ValueError):
            rows.append((at, owner, event, point, msgspec.json.encode(plain_detail(detail)).decode()))
    return rows


def shown(row: Iterable[Any]) -> dict[str, Any]:
    """A row (id, time, event, point, detail) as its owner reads it."""
    number, at, event, point, detail = row
    return {"id": number, "at_ms": at, "event": event, "point": point, "detail": msgspec.json.decode(detail)}


def bounded(limit: int) -> int:
    """How many rows one answer has at most."""
    return max(1, min(limit, _MAX_ROWS))


def pseudonym_for(owner: str) -> tuple[str, str, str]:
    """A pseudonym that leads nowhere; and what stands for the owner, and what for the pseudonym, in a detail."""
    pseudonym = f"gone_{secrets.token_hex(8)}"
    return pseudonym, msgspec.json.encode(owner).decode(), f'"{pseudonym}"'


class Trimming:
    """Whose rows have to be cut back: an owner's is looked at again only after a tenth more than is kept have come."""

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self._come: dict[str | None, int] = {}

    def due(self, records: Iterable[Record]) -> list[str | None]:
        """Those to cut back to ``kept`` rows now that these have been written."""
        for _, owner, *_ in records:
            self._come[owner] = self._come.get(owner, 0) + 1
        due = [owner for owner, count in self._come.items() if count >= max(1, self.kept // 10)]
        for owner in due:
            del self._come[owner]
        if len(self._come) > _MAX_OWNERS_WATCHED:
            self._come.clear()
        return due

    def __len__(self) -> int:
        return len(self._come)
