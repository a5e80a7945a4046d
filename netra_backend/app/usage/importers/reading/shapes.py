"""What texts look like: each digit as 0. Few shapes stand for very many values, so a column is judged by its shapes."""

from __future__ import annotations

from typing import Any, Final

_AS_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")

AMOUNTS: Final = frozenset(
    b"0" * whole + (b"." + b"0" * fraction if fraction else b"") for whole in range(1, 10) for fraction in range(13)
)
"""Plain decimals below a billion with at most twelve digits behind the point: amounts that are taken as they are written."""


def is_amount(text: str) -> bool:
    """Whether ``text`` has one of these shapes."""
    return text.encode(errors="replace").translate(_AS_ZERO) in AMOUNTS


def shapes_of(values: list[Any]) -> list[bytes] | None:
    """The shape of each value, if all are texts of one line."""
    if not set(map(type, values)) <= {str}:
        return None
    shapes = "\n".join(values).encode(errors="replace").translate(_AS_ZERO).split(b"\n")
    return shapes if len(shapes) == len(values) else None
