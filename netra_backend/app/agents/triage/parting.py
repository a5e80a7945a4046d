"""Messages that ask two things: where they part, and what each part asks."""

from __future__ import annotations

import re
from typing import Final

from .decision import Decision, decide
from .intents import OUT_OF_SCOPE
from .reading import Reading, read_message

MOST_PARTS: Final = 4
_SURE: Final = 0.8
_FEWEST_WORDS: Final = 3
_JOINT: Final = re.compile(
    r"\s*(?:[.?!;\n]+(?=\s|\Z)|\s[&+]\s|"
    r",?\s+(?:and also|and then|and|also|plus|as well as|then|besides|additionally)\s+(?=\w))\s*"
)
_BACKGROUND: Final = re.compile(
    r"(?:i|i'm|i've|i'd|we|we're|we've|our|my|the|a|an|this|on|since|after|it's|it|if|for|in|of|given|suppose|say|there|"
    r"look at|go through|review|check)\b"
)
"""How a sentence begins that gives background rather than asks."""

_EFFECT: Final = frozenset({"savings_lever", "what_if"})
_OF_EFFECT: Final = frozenset(
    {"cost_overview", "cost_breakdown", "savings_all", "forecast_budget", "savings_lever", "cost_anomaly"}
)
"""What follows one of ``_EFFECT`` with words such as "what would it cost" asks for the same effect."""

Part = tuple[Reading, Decision]


def parts_of(whole: Reading, decision: Decision, *, now_ms: int, timezone: str) -> list[Part]:
    """The requests of a message in order; the message itself where it makes one.

    A message parts only where each part asks something of its own, surely and differently. A greeting beside a request is
    no part; what is outside of the scope is one only where it stands beside a request that is inside.
    """
    if decision.decided_by == "rule" and decision.intent == OUT_OF_SCOPE:
        return [(whole, decision)]
    found: list[Part] = []
    for piece in _pieces(whole):
        reading = read_message(piece, now_ms=now_ms, timezone=timezone)
        decided = decide(reading)
        if _is_request(reading, decided) and not (found and _goes_on(found[-1], (reading, decided))):
            found.append((reading, decided))
    if len(found) < 2 or all(part[1].intent == OUT_OF_SCOPE for part in found):
        return [(whole, decision)]
    return found[:MOST_PARTS]


def _pieces(whole: Reading) -> list[str]:
    said = whole.text.said
    joints = [(joint.start(), joint.end()) for joint in _JOINT.finditer(said)]
    starts = [0, *(end for _, end in joints)]
    ends = [*(start for start, _ in joints), len(said)]
    pieces = [said[start:end] for start, end in zip(starts, ends, strict=True)]
    return [piece for piece in pieces if len(piece.split()) >= _FEWEST_WORDS] if len(pieces) > 1 else []


def _is_request(reading: Reading, decided: Decision) -> bool:
    if decided.route == "clarify" or decided.confidence < _SURE or decided.intent == "agent_help":
        return False
    return decided.intent != OUT_OF_SCOPE or _BACKGROUND.match(reading.text.lower) is None


def _goes_on(before: Part, after: Part) -> bool:
    intent, next_intent = before[1].intent, after[1].intent
    if intent == next_intent:
        return True
    return intent in _EFFECT and next_intent in _OF_EFFECT and not set(after[0].levers) - set(before[0].levers)
