"""What a message takes over from the one before it in its thread."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..interface import PastMessage
from .features import content_words
from .parse import Reading

_LONGEST: Final = 8
_OPENING: Final = re.compile(
    r"(?:and|or|what about|how about|same (?:for|with|but)|now|but|only|just|ok|for|in|by|per|with|since)\b"
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The user's last message, and whether it was answered by a question."""

    text: str
    asked_back: bool


def last_question(history: Sequence[PastMessage]) -> Earlier | None:
    """The user's last message before this one."""
    asked_back = False
    for past in reversed(history):
        if past.role == "user":
            return Earlier(past.text, asked_back)
        asked_back = isinstance(past.data, dict) and bool(past.data.get("question"))
    return None


def is_short(reading: Reading) -> bool:
    """Whether a message is short enough to go on from another one."""
    return len(reading.text.words) <= _LONGEST


def is_fragment(reading: Reading) -> bool:
    """Whether a message names only a period, a model or a dimension, so that its verb stands in the message before."""
    names = reading.periods or reading.models or reading.dimensions or reading.volume
    if not names or not is_short(reading):
        return False
    return _OPENING.match(reading.text.lower) is not None or not content_words(reading.plain)
