"""Records of the audit trail, and the rows that every adapter keeps of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from ...core.audit_chain import Entry
from ...services.audit_trail import SUBJECT_FIELDS, plain_detail

_MAX_ROWS: Final = 1_000

UNWRITABLE: Final = "their detail cannot be written down"

Record = tuple[int, str | None, str, str | None, dict[str, str | int]]
"""When, whose, what, at which validation point, and the detail."""


def names_in(records: Iterable[Record]) -> list[str]:
    """The users that these records are about or name."""
    found: dict[str, None] = {}
    for _, owner, _, _, detail in records:
        if owner is not None:
            found[owner] = None
        for field in SUBJECT_FIELDS:
            if field in detail:
                found[str(detail[field])] = None
    return [name for name in found if is_storable(name)]


def is_storable(name: str) -> bool:
    """Whether a store can keep a name; no id that was checked fails this."""
    return name.isprintable() and bool(name)


def entries_of(records: Iterable[Record], subjects: Mapping[str, str], after: int) -> list[Entry]:
    """The records as rows, numbered on from ``after``, with ``subjects`` in the users' places. One whose detail cannot be
    written down is left out, and costs no other its place."""
    entries: list[Entry] = []
    for at, owner, event, point, detail in records:
        with suppress(msgspec.MsgspecError, ValueError, KeyError):
            subject = None if owner is None else subjects[owner]
            kept = plain_detail(detail)
            for field in SUBJECT_FIELDS & kept.keys():
                kept[field] = subjects[str(detail[field])]
            entries.append(
                Entry(after + len(entries) + 1, at, subject, event, point, msgspec.json.encode(kept).decode())
            )
    return entries


def shown(row: Iterable[Any]) -> dict[str, Any]:
    """A row (id, time, event, point, detail) as its owner reads it; users are still named by their pseudonyms. A store may be
    made to hold any detail: one that no server wrote hides no other row."""
    number, at, event, point, detail = row
    return {"id": number, "at_ms": at, "event": event, "point": point, "detail": _read(detail)}


def subjects_in(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The pseudonyms that these rows name."""
    return sorted({str(row["detail"][field]) for row in rows for field in SUBJECT_FIELDS & row["detail"].keys()})


def named(rows: list[dict[str, Any]], owners: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows with users in the places of the pseudonyms that still lead to one."""
    for row in rows:
        for field in SUBJECT_FIELDS & row["detail"].keys():
            row["detail"][field] = owners.get(row["detail"][field], row["detail"][field])
    return rows


def bounded(limit: int) -> int:
    """How many rows one answer has at most."""
    return max(1, min(limit, _MAX_ROWS))


def adopted_record(owner: str | None, row: tuple[int, str, str | None, str]) -> Record:
    """A row of a trail that had no chain (time, event, point, detail), as a record."""
    at, event, point, detail = row
    try:
        return at, owner, event, point, msgspec.json.decode(detail, type=dict[str, str | int])
    except msgspec.MsgspecError:
        return at, owner, event, point, {"unreadable": detail[:200]}


def _read(detail: Any) -> dict[str, Any]:
    try:
        return msgspec.json.decode(detail, type=dict[str, str | int | float | bool | None])
    except (msgspec.MsgspecError, TypeError, ValueError):
        return {"unreadable": str(detail)[:200]}


def adoption(count: int, now_ms: int) -> Record:
    """Notes that the rows before it came into the chain when they were there already: nothing proves them any further back."""
    return now_ms, None, "chain_started", None, {"rows_before": count}
