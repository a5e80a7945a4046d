"""Arguments as a user sees them, with secrets hidden, and what becomes of those that the user changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...core.questions import canonical
from ...core.repaired_text import repaired
from ...services.redaction import CUT
from ...services.text_redaction import SHOWN

_MARK: Final = SHOWN.encode()


class NotRestored(ValueError):
    """The arguments hold ``***`` where nobody can tell which hidden value is meant."""

    hint = "Give the hidden value anew."

    def __init__(self) -> None:
        super().__init__(f"The arguments hold {SHOWN} in a place where it stands for no value that was shown so.")


def is_cut(shown: Any, original: Any) -> bool:
    """Whether ``shown`` lacks something of ``original`` for any other reason than that it is hidden."""
    if isinstance(shown, dict) and isinstance(original, Mapping):  # two names may be hidden alike
        return len(shown) != len(original) or any(map(is_cut, shown.values(), original.values()))
    if isinstance(shown, list):
        return len(shown) != len(original) or any(map(is_cut, shown, original))
    return bool(shown == CUT and original != CUT)


def restored(edited: Any, shown: Any, original: Any) -> Any:
    """What a user made of ``original``, which was ``shown`` with secrets hidden: whatever was left as it was shown is what it
    was. A hidden value stays under its name; in a list, in an item that is otherwise as it was shown, wherever that is now.

    Raises ``NotRestored`` rather than give a hidden value to anything else, or ``***`` in its place."""
    return _restored(edited, shown, original, _MARK in _form(shown))


def _restored(edited: Any, shown: Any, original: Any, strict: bool) -> Any:
    if canonical(edited) == _form(shown):
        return original
    if isinstance(edited, dict) and isinstance(shown, dict) and isinstance(original, Mapping):
        return {
            name: _restored(value, shown[name], original[name], strict)
            if name in shown and name in original
            else _new({name: value}, strict)[name]
            for name, value in edited.items()
        }
    if isinstance(edited, list) and isinstance(shown, list) and isinstance(original, list | tuple):
        return _items(edited, shown, original, strict)
    had_its_own = isinstance(original, str) and shown == original and SHOWN in original
    return _new(edited, strict and not had_its_own)


def _items(edited: list[Any], shown: list[Any], original: list[Any] | tuple[Any, ...], strict: bool) -> list[Any]:
    """Two items that look the same may hide different values: they are told apart only where all of them stay in place."""
    made, before = list(edited), _places(shown)
    for form, places in _places(edited).items():
        were = before.get(form, [])
        values = [original[place] for place in were]
        if places != were:
            if len(places) > len(were) or len(set(map(_form, values))) > 1:
                _new(edited[places[0]], strict)
                continue
            values = values[: len(places)]
        for place, value in zip(places, values, strict=True):
            made[place] = value
    return made


def _places(items: Iterable[Any]) -> dict[bytes, list[int]]:
    places: dict[bytes, list[int]] = {}
    for place, item in enumerate(items):
        places.setdefault(_form(item), []).append(place)
    return places


def _new(value: Any, strict: bool) -> Any:
    if strict and _MARK in canonical(value):
        raise NotRestored
    return value


def _form(value: Any) -> bytes:
    return canonical(repaired(value))
