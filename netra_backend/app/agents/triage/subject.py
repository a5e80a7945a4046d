"""Which of the models that a message names the request is about."""

from __future__ import annotations

import re
from typing import Final

from .model_names import ModelMention
from .reading import Reading

_TARGET: Final = re.compile(
    r"(?:\b(?:to|onto|with|into|by|on|use|used|using|try|adopt|took|take|through|in|had|been on|swap in|for)|->|→|=>)"
    r" (?:\w{1,12} ){0,1}\Z"
)
_SOURCE: Final = re.compile(
    r"\b(?:instead of|rather than|in place of|replac\w{1,4}|from|than|of|off|away from|swap|leave) (?:\w{1,12} ){0,1}\Z"
)
_BEFORE: Final = 24


def subject_of(reading: Reading) -> ModelMention | None:
    """The target of a move where the message speaks of one, else the first model that is not what is moved away from."""
    lower = reading.text.lower
    before = {mention: lower[max(0, mention.start - _BEFORE) : mention.start] for mention in reading.models}
    sources = [mention for mention in reading.models if _SOURCE.search(before[mention])]
    others = [mention for mention in reading.models if mention not in sources]
    targets = [mention for mention in others if _TARGET.search(before[mention])]
    return next(iter([*targets, *others, *sources]), None)
