"""Text that cannot be written as UTF-8, repaired: half of a surrogate pair, as models and tools that cut texts leave it."""

from __future__ import annotations

from typing import Any, Final

_MOST_DEPTH: Final = 200


def repaired(value: Any, depth: int = 0) -> Any:
    """``value`` (JSON) with U+FFFD for each half of a surrogate pair, in keys, too; halves that belong together become their
    character. Raises ``ValueError`` if it is nested too deeply."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if depth > _MOST_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {repaired(name, depth + 1): repaired(each, depth + 1) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [repaired(each, depth + 1) for each in value]
    return value
