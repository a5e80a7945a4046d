"""Values of a query string, bounded."""

from __future__ import annotations

from starlette.requests import Request

from ...core import validation
from ...core.errors import FrameRefused

_MAX_DIGITS = 18


def number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """The whole number called ``name``, or ``default`` where there is none. Raises ``FrameRefused``."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS or not least <= int(text) <= most:
        raise FrameRefused(
            f"{name} is a whole number from {least} to {most}.",
            field=name,
            hint="See /openapi.json for the fields of this address.",
            point=validation.HTTP_QUERY_NUMBER,
        )
    return int(text)


def text(request: Request, name: str, most: int) -> str:
    """The first ``most`` characters of the text called ``name``, or nothing."""
    return request.query_params.get(name, "")[:most]
