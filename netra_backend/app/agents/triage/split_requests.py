"""Messages that ask two things: where they part, and what each part asks."""

from __future__ import annotations

import re
from typing import Final

from .decision import Decision, decide
from .intents import OUT_OF_SCOPE
from .parse import Reading, read_message

MOST_PARTS: Final = 4
_MOST_PIECES: Final = 6
_SURE: Final = 0.8
_FEWEST_WORDS: Final = 3
_JOINT: Final = re.compile(
    r"\s*(?:[.?!;\n]+(?=\s|\Z)|\s[&+]\s|"
    r",?\s+(?:and also|and then|and|also|plus|as well as|then|besides|additionally)\s+(?=\w))\s*"
)
_ASKS: Final = re.compile(
    r"(?:(?:and|also|plus|please|pls|so|then|now|i want to know|i'd like to know|i need to know),? )*"
    r"(?:what|whats|what's|what'd|who|whose|how|hows|how's|when|where|which|why|can|could|is|are|do|does|did|will|would|should|any|"
    r"show|give|tell|list|compare|find|forecast|project|predict|estimate|explain|break|split|rank|summari[sz]e|calculate|look|"
    r"suggest|recommend|check|get|help|identify|detect|run|evaluate|analy[sz]e|reduce|cut|save|let|"
    r"costs?|spend|spending|bill|total|prices?|pricing|top|daily|monthly|savings|latency|errors?|average)\b"
)
"""How a request begins."""

_HOSTILE: Final = frozenset({"INJECT", "OTHERS"})
"""A message that gives orders to the system is refused whole, whatever else it asks."""

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
    if _HOSTILE & set(whole.concepts):
        return [(whole, decision)]
    found: list[Part] = []
    for piece in _pieces(whole):
        reading = read_message(piece, now_ms=now_ms, timezone=timezone)
        part = (reading, decide(reading))
        if _is_request(part) and not (found and _goes_on(found[-1], part)):
            found.append(part)
    if len(found) < 2 or all(part[1].intent == OUT_OF_SCOPE for part in found):
        return [(whole, decision)]
    return found[:MOST_PARTS]


def _pieces(whole: Reading) -> list[str]:
    said = whole.text.said
    joints = [(joint.start(), joint.end()) for joint in _JOINT.finditer(said)]
    starts = [0, *(end for _, end in joints)]
    ends = [*(start for start, _ in joints), len(said)]
    pieces = [said[start:end] for start, end in zip(starts, ends, strict=True)]
    asking = [piece for piece in dict.fromkeys(pieces) if len(piece.split()) >= _FEWEST_WORDS]
    return asking[:_MOST_PIECES] if len(pieces) > 1 else []


def _is_request(part: Part) -> bool:
    reading, decided = part
    if decided.route == "clarify" or decided.confidence < _SURE or decided.intent == "agent_help":
        return False
    return "ORDER" in reading.concepts or _ASKS.match(reading.text.lower) is not None


def _goes_on(before: Part, after: Part) -> bool:
    intent, next_intent = before[1].intent, after[1].intent
    if intent == next_intent:
        return True
    return intent in _EFFECT and next_intent in _OF_EFFECT and not set(after[0].levers) - set(before[0].levers)
