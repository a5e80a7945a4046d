"""The catalogue of validation points: every place where an input, a dependency or an ownership is checked and refused.

A refusal is written at exactly one place as ``raise SomeRefusal(..., point=validation.NAME)``. The syntax tree therefore
maps every refusal to its point; the kit disables points one at a time from outside (it takes the ``raise`` out of a copy
of the module in a throw-away process) and demands that a test notices. Production code has no switch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CATALOGUE: Final[dict[str, Point]] = {}


@dataclass(frozen=True, slots=True)
class Point:
    """One validation point: its id, the module that is its home (below ``netra_backend.app``), the error raised there,
    and the sentence that holds as long as it stands."""

    id: str
    home: str
    error: str
    guards: str


def _point(id: str, home: str, error: str, guards: str) -> Point:
    point = Point(id, home, error, guards)
    if CATALOGUE.setdefault(id, point) is not point:
        raise ValueError(f"validation point {id!r} is catalogued twice")
    return point


# --- identity -------------------------------------------------------------------------------------------------------
ID_PLACEHOLDER = _point("id.placeholder", "core.ids", "InvalidContextError", "no placeholder is taken for an id")
ID_FORMAT = _point("id.format", "core.ids", "InvalidContextError", "every id has the one format")
CONTEXT_FORGED = _point(
    "context.forged",
    "services.user_execution_context",
    "InvalidContextError",
    "only a UserExecutionContext is taken for a context",
)
CONTEXT_METADATA = _point(
    "context.metadata",
    "services.user_execution_context",
    "InvalidContextError",
    "a context has audit metadata of its own",
)
