"""Which rows a question is about: a period, one dataset, and equality filters, as a WHERE clause with parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ..core.errors import ToolError
from ..core.quoting import quoted_whole

FILTERS: Final = ("dataset_id", "provider", "model", "team", "feature", "end_user", "status", "operation")
"""The columns that may be filtered by equality, besides ``period``."""


def where(arguments: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The condition for ``period`` (``{from, to}``: from inclusive, to exclusive, either may be absent; ISO 8601, UTC if no
    offset is given) and any of ``FILTERS`` in ``arguments``. Raises ``ToolError`` for a time that is none."""
    conditions = ["true"]
    parameters: list[Any] = []
    period = arguments.get("period") or {}
    for name, comparison in (("from", ">="), ("to", "<")):
        if period.get(name):
            conditions.append(f"ts {comparison} ?")
            parameters.append(moment(period[name]))
    for column in FILTERS:
        if arguments.get(column) is not None:
            conditions.append(f"{column} = ?")
            parameters.append(arguments[column])
    return " AND ".join(conditions), parameters


def moment(text: str) -> datetime:
    """A date or time in UTC, without a zone as the table has it. Raises ``ToolError``."""
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC).replace(tzinfo=None) if parsed.tzinfo else parsed
    except (ValueError, OverflowError):
        raise ToolError(
            "INVALID_ARGUMENTS",
            f"{quoted_whole(text)} is not a date or time",
            hint="Use ISO 8601, such as 2026-11-01 or 2026-11-01T12:00Z.",
        ) from None


def no_data(arguments: Mapping[str, Any]) -> ToolError:
    """The answer if no row is in scope."""
    narrowed = any(arguments.get(name) for name in ("period", *FILTERS))
    if narrowed:
        return ToolError(
            "NO_DATA",
            "There are no usage rows in this period or for these filters.",
            hint="Ask without the period and the filters.",
        )
    return ToolError(
        "NO_DATA",
        "There are no usage rows yet.",
        hint="Import a usage export with netra import FILE, or upload it on the page.",
    )
