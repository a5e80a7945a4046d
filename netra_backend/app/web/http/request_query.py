"""Values of a query string, bounded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request

from ...core import validation
from ...core.errors import FrameRefused

_MAX_DIGITS: Final = 18
_MAX_TIME: Final = 40
_HINT: Final = "See /openapi.json for the fields of this request."
FAR: Final = (1 << 59) - 1
"""Later than every moment, and beyond every position."""


def number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """The whole number called ``name``, or ``default`` where there is none. Raises ``FrameRefused``."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS or not least <= int(text) <= most:
        raise FrameRefused(
            f"{name} must be a whole number from {least} to {most}.",
            field=name,
            hint=_HINT,
            point=validation.HTTP_QUERY_NUMBER,
        )
    return int(text)


def text(request: Request, name: str, most: int) -> str:
    """The first ``most`` characters of the text called ``name``, or nothing."""
    return request.query_params.get(name, "")[:most]


def name(request: Request, field: str, most: int) -> str | None:
    """The text called ``field``, whole, or ``None`` if there is none. Raises ``FrameRefused`` if it is empty or longer than
    ``most`` characters: cut short it would name something else."""
    given = request.query_params.get(field)
    if given is not None and not 0 < len(given) <= most:
        raise FrameRefused(
            f"{field} must be a text of 1 to {most} characters.",
            field=field,
            hint=_HINT,
            point=validation.HTTP_QUERY_NAME,
        )
    return given


def moment(request: Request, field: str) -> datetime | None:
    """The date or time called ``field`` (ISO 8601, UTC if no offset is given), in UTC, or ``None`` if there is none. Raises
    ``FrameRefused``."""
    given = request.query_params.get(field)
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(given if len(given) <= _MAX_TIME else "")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise FrameRefused(
            f"{field} must be a date or time, such as 2026-11-01 or 2026-11-01T12:00Z.",
            field=field,
            hint="Send ISO 8601; in an address, write + as %2B.",
            point=validation.HTTP_QUERY_TIME,
        ) from None
