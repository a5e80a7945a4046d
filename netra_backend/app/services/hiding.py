"""Which values runs must not show: in what is said in a run's name, and in logs, which know of no run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakSet

import msgspec

from ..core.hidden_values import HiddenValues

RECENT: Final = 64
"""How many runs are kept in mind after they have ended: a thread that one of them began may log later than that."""

_HIDDEN: Final[ContextVar[HiddenValues | None]] = ContextVar("netra_hidden", default=None)
_HIDING: Final[WeakSet[HiddenValues]] = WeakSet()
"""Those of all runs that hide something, for as long as there are these runs."""
_RECENT: Final[dict[HiddenValues, None]] = {}
"""Those of the latest runs that began to hide something, the last one at the end, for as long as they are among these."""
_WORD: Final = 8
"""Bytes that are compared at once: no form is shorter, as no value has less than ``SHORTEST`` characters."""
_LOCK: Final = threading.RLock()
"""Whatever is logged amid the iteration, by what is freed then, is logged by the same thread."""
_all: _All | None = None
"""``None`` if there are others since."""


def enter(values: HiddenValues) -> None:
    """From here on this task, and what it begins, hides these."""
    _HIDDEN.set(values)


def hiding(values: HiddenValues) -> None:
    """A run has begun to hide something, or hides more."""
    global _all
    with _LOCK:
        _HIDING.add(values)
        _RECENT.pop(values, None)
        _RECENT[values] = None
        if len(_RECENT) > RECENT:
            del _RECENT[next(iter(_RECENT))]
        _all = None


def hides() -> bool:
    """Whether the caller's run hides anything."""
    return bool(_HIDDEN.get())


def hidden_text(text: str) -> str:
    """The text, as users see it, without the values that the caller's run hides; not without those of other runs, or by what is
    missing a user would find out what another one hides. Before anything else is taken out of it, or it is cut: the rest of a
    value would be found no more."""
    values = _HIDDEN.get()
    return values.text(text) if values else text


def logged_text(text: str) -> str:
    """The text, as operators see it, without the values that any run hides, or one of the latest ``RECENT`` hid: what logs it may
    have been begun by another run, as a task that many share, or by none, as a thread, which may outlive its run."""
    hidden = _of_all()
    if not hidden.values or not hidden.may_be_in(text.encode("utf-8", "surrogatepass")):
        return text
    return hidden.values.text(text)


def logged(line: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON as ``logged_text`` has a text."""
    hidden = _of_all()
    if not hidden.values:
        return line
    try:
        if not hidden.may_be_in(msgspec.json.encode(line)):
            return line
    except (TypeError, ValueError, OverflowError):  # what has no JSON is looked through part by part
        pass
    shown: dict[str, Any] = hidden.values.plain(line)
    return shown


class _All:
    """The values of all runs in one. A log line has none of them but for very few, and there may be hundreds of forms: those that
    a line may have are found by how they begin, at the same cost however many there are."""

    __slots__ = ("_beginnings", "values")

    def __init__(self, several: Iterable[HiddenValues]) -> None:
        self.values = HiddenValues.of_all(several)
        self._beginnings = frozenset(int.from_bytes(each[:_WORD], sys.byteorder) for each in self.values.written)

    def may_be_in(self, body: bytes) -> bool:
        """Whether one of the values may be in this text or JSON."""
        view = memoryview(body)
        return not all(
            self._beginnings.isdisjoint(view[at : len(body) - (len(body) - at) % _WORD].cast("Q"))
            for at in range(min(_WORD, len(body)))
        )


def _of_all() -> _All:
    global _all
    found = _all
    if found is None:
        with _LOCK:
            found = _all = _All(_HIDING)
    return found
