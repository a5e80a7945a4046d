"""Which intent, how sure, and what follows: go on, ask back, or refuse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from .classifier import scores
from .intents import OUT_OF_SCOPE
from .parse import Reading
from .rules import certain

RULE_CONFIDENCE: Final = 0.98
STEEPNESS: Final = 4.0
"""How fast a difference of scores turns into confidence."""

BIAS: Final = 0.15
"""What is added to the score of out_of_scope: where neither side convinces, a question is asked instead of a guess made."""

REFUSE: Final = 0.7
"""From which confidence on a message is refused; between one half and this it is asked back."""


@dataclass(frozen=True, slots=True)
class Decision:
    """``alternatives`` are the likeliest intents inside the scope, the first first."""

    intent: str
    confidence: float
    route: Literal["agent", "clarify", "refuse"]
    decided_by: Literal["rule", "classifier", "model"]
    reasons: tuple[str, ...]
    alternatives: tuple[str, ...]


def decide(reading: Reading) -> Decision:
    """Decide by the first rule that holds, else by the classifier with its rejection threshold."""
    if (rule := certain(reading)) is not None:
        route: Literal["agent", "refuse"] = "refuse" if rule.intent == OUT_OF_SCOPE else "agent"
        return Decision(rule.intent, RULE_CONFIDENCE, route, "rule", (rule.why,), ())
    found = scores(reading)
    outside = found.pop(OUT_OF_SCOPE) + BIAS
    ranked = sorted(found, key=lambda intent: -found[intent])
    first, second = ranked[:2]
    rejected = _sure(outside - found[first])
    named = ", ".join(name.lower() for name in reading.concepts if name.isupper() and name != "DOMAIN")
    reasons = (f"its words speak of: {named}",) if named else ()
    alternatives = (first, second)
    if rejected >= REFUSE:
        return Decision(OUT_OF_SCOPE, rejected, "refuse", "classifier", reasons, alternatives)
    if rejected >= 0.5:
        return Decision(first, 1 - rejected, "clarify", "classifier", reasons, alternatives)
    sure = (1 - rejected) * _sure(found[first] - found[second])
    return Decision(first, sure, "agent", "classifier", reasons, alternatives)


def _sure(difference: float) -> float:
    return 1 / (1 + math.exp(-STEEPNESS * max(-20.0, min(20.0, difference))))
