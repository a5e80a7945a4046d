"""Which of the models that a message names the request is about."""

from __future__ import annotations

import re
from typing import Final

from .model_names import ModelMention
from .parse import Reading

_TARGETS: Final = (
    re.compile(r"(?:\b(?:to|onto|with|into|by|swap in)|->|→|=>) (?:\w{1,12} ){0,1}\Z"),
    re.compile(r"\b(?:on|use|used|using|try|adopt|took|take|through|in|had|for) (?:\w{1,12} ){0,1}\Z"),
)
"""What stands before the model that is moved to: surely, and perhaps."""

_SOURCE: Final = re.compile(
    r"\b(?:instead of|rather than|in place of|replac\w{1,4}(?! with| by)|from|than|of|off|away from|swap(?:ping|ped)?|leave)"
    r" (?:\w{1,12} ){0,1}\Z"
)
_BEFORE: Final = 24


def subject_of(reading: Reading) -> ModelMention | None:
    """The target of a move where the message speaks of one, else the first model that is not what is moved away from."""
    lower = reading.text.lower
    before = {mention: lower[max(0, mention.start - _BEFORE) : mention.start] for mention in reading.models}
    sources = [mention for mention in reading.models if _SOURCE.search(before[mention])]
    others = [mention for mention in reading.models if mention not in sources]
    targets = [mention for pattern in _TARGETS for mention in others if pattern.search(before[mention])]
    return next(iter([*targets, *others, *sources]), None)
