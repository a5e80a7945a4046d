"""Values in error messages: whole or not at all, so that none shows half of a secret, which nothing would find in it."""

from __future__ import annotations

from typing import Final

_MOST_CHARACTERS: Final = 64


def quoted_whole(value: object) -> str:
    """The value as Python writes it if that is short; else what type it has, and how long a text is."""
    if isinstance(value, str | bytes) and len(value) > _MOST_CHARACTERS:
        return f"a {type(value).__name__} of {len(value):,} characters"
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of more digits than Python writes; what holds itself
        return f"a {type(value).__name__}"
    return text if len(text) <= 2 * _MOST_CHARACTERS else f"a {type(value).__name__}"
