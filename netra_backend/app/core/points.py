"""What a validation point is, and the table that all of them stand in; ``core.validation`` fills it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CATALOGUE: Final[dict[str, Point]] = {}


@dataclass(frozen=True, slots=True)
class Point:
    """One validation point: its id, the module that is its home (below ``netra_backend.app``), the error raised there,
    and the sentence that holds as long as it stands.

    ``told_as`` is the id of the point that users are told instead, where they may not know which of the two it was.
    """

    id: str
    home: str
    error: str
    guards: str
    told_as: str


def catalogued(id: str, home: str, error: str, guards: str, *, told_as: str = "") -> Point:
    """A new point. Raises ``ValueError`` if its id is taken."""
    point = Point(id, home, error, guards, told_as or id)
    if CATALOGUE.setdefault(id, point) is not point:
        raise ValueError(f"validation point {id!r} is catalogued twice")
    return point
