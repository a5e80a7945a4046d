"""State machines tested as scripts: what goes in, what must come out, in order.

::

    book = Playbook(lambda raw: session.received(raw, now=0.0, now_ms=0))
    book >> '{"type": "ping"}' << Say(Pong(server_time=0))
    book >> "no JSON" << like(Refuse, id=None) << like(Close, code=4510)
    book.end()

``>>`` feeds an input; before it may do so every effect of the input before must have been expected. ``<<`` expects the next
effect: an equal object, a type, or ``like(...)``. Failures are assertions that print the script so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

_In = TypeVar("_In")


@dataclass(frozen=True, slots=True)
class like:
    """Matches an object of a type whose named attributes equal (or are, for types and nested ``like``) what is given."""

    kind: type[Any]
    fields: dict[str, Any]

    def __init__(self, kind: type[Any], **fields: Any) -> None:
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "fields", fields)

    def __str__(self) -> str:
        inner = ", ".join(f"{name}={value!s}" for name, value in self.fields.items())
        return f"{self.kind.__name__}({inner}…)"

    def matches(self, seen: object) -> bool:
        """Whether ``seen`` is as described."""
        return isinstance(seen, self.kind) and all(
            hasattr(seen, name) and _matches(value, getattr(seen, name)) for name, value in self.fields.items()
        )


def _matches(expected: object, seen: object) -> bool:
    if isinstance(expected, like):
        return expected.matches(seen)
    if isinstance(expected, type):
        return isinstance(seen, expected)
    return bool(expected == seen)


class Playbook(Generic[_In]):
    """A script over one machine. ``step`` takes an input and returns one effect, several, or none."""

    def __init__(self, step: Callable[[_In], Any]) -> None:
        self._step = step
        self._waiting: list[Any] = []
        self._script: list[str] = []

    def __rshift__(self, given: _In) -> Self:
        self.end()
        self._script.append(f">> {given!r}")
        effects = self._step(given)
        self._waiting = list(effects) if isinstance(effects, (list, tuple)) else [] if effects is None else [effects]
        return self

    def __lshift__(self, expected: object) -> Self:
        if not self._waiting:
            raise AssertionError(self._told(f"<< {expected!s}", "nothing came"))
        seen = self._waiting.pop(0)
        if not _matches(expected, seen):
            raise AssertionError(self._told(f"<< {expected!s}", f"{seen!r} came"))
        self._script.append(f"<< {seen!r}")
        return self

    def end(self) -> None:
        """Every effect was expected; fails with those that were not."""
        if self._waiting:
            raise AssertionError(self._told("(end)", *(f"{effect!r} came" for effect in self._waiting)))

    def _told(self, expected: str, *seen: str) -> str:
        return "\n".join(["the machine left the script:", *self._script, f"{expected}    but:", *seen])


def play(step: Callable[[_In], Any], inputs: Iterable[_In]) -> list[Any]:
    """Feed all inputs and return all effects, flat, in order."""
    effects: list[Any] = []
    for given in inputs:
        came = step(given)
        effects.extend(came if isinstance(came, (list, tuple)) else () if came is None else (came,))
    return effects
