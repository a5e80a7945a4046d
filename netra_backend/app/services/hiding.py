"""Which values the run that is under way must not show: for logs, which know of no run."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

from ..core.hidden_values import HiddenValues

_HIDDEN: Final[ContextVar[HiddenValues | None]] = ContextVar("netra_hidden", default=None)


def enter(values: HiddenValues) -> None:
    """From here on this task, and what it begins, hides these."""
    _HIDDEN.set(values)


def hidden_in(line: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON without the values that the caller's run hides."""
    values = _HIDDEN.get()
    if not values:
        return line
    shown: dict[str, Any] = values.plain(line)
    return shown
