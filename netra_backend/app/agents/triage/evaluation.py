"""How well triage does on labelled utterances: accuracy, rejection, slots, confusion, with intervals.

A clarification counts as wrong inside of the scope and as a rejection outside of it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .intents import INTENTS, OUT_OF_SCOPE
from .model_names import canonical
from .understanding import Understanding, understand

SLOTS: Final = ("period", "model", "lever", "group_by", "volume_change")
CLARIFIED: Final = "(asked back)"
_Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Labelled:
    """One line of an evaluation file. ``slots`` holds those that the line labels; ``None`` if it labels none."""

    text: str
    intent: str
    slots: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % Wilson interval."""

    right: int
    of: int

    @property
    def value(self) -> float:
        """Zero if there is nothing to count."""
        return self.right / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The lower and upper bound."""
        if not self.of:
            return 0.0, 1.0
        share, square = self.value, _Z * _Z
        middle = (share + square / (2 * self.of)) / (1 + square / self.of)
        half = _Z / (1 + square / self.of) * math.sqrt(share * (1 - share) / self.of + square / (4 * self.of**2))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class SlotScore:
    """Right, predicted and labelled values of slots."""

    right: int
    predicted: int
    labelled: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.right / (self.predicted + self.labelled) if self.predicted + self.labelled else 0.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures; ``predictions`` are what triage_agent understood of each line, in order."""

    in_scope_accuracy: Share
    out_of_scope_recall: Share
    out_of_scope_precision: Share
    slots: Mapping[str, SlotScore]
    confusion: Mapping[tuple[str, str], int]
    predictions: Sequence[Understanding]

    @property
    def slot_f1(self) -> float:
        """Over all slots together."""
        return SlotScore(*(sum(getattr(score, part) for score in self.slots.values()) for part in _COUNTS)).f1

    def as_json(self) -> dict[str, Any]:
        """The figures as JSON, fractions from 0 to 1."""
        shares = {
            "in_scope_accuracy": self.in_scope_accuracy,
            "out_of_scope_recall": self.out_of_scope_recall,
            "out_of_scope_precision": self.out_of_scope_precision,
        }
        return {
            **{name: round(share.value, 4) for name, share in shares.items()},
            "slot_f1": round(self.slot_f1, 4),
            "utterances": len(self.predictions),
            "intervals": {name: [round(bound, 4) for bound in share.interval] for name, share in shares.items()},
            "slots": {name: round(score.f1, 4) for name, score in self.slots.items()},
            "confusion": [
                {"intent": intent, "predicted": predicted, "count": count}
                for (intent, predicted), count in sorted(self.confusion.items())
            ],
        }


_COUNTS: Final = ("right", "predicted", "labelled")


def read_labelled(lines: Iterable[str]) -> list[Labelled]:
    """The lines of a JSONL file ``{text, intent, slots}``. Raises ``ValueError`` that names the line and what is wrong."""
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            found.append(_labelled(number, line))
    if not found:
        raise ValueError("The file contains no utterances.")
    return found


def _labelled(number: int, line: str) -> Labelled:
    try:
        row = json.loads(line)
    except ValueError:
        raise ValueError(f"Line {number} is not JSON.") from None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise ValueError(f"Line {number} has no text. Each line must be an object {{text, intent, slots}}.")
    if not isinstance(row.get("intent"), str) or row["intent"] not in INTENTS:
        raise ValueError(f"Line {number} has no known intent. Use one of {', '.join(INTENTS)}.")
    slots = row.get("slots")
    if slots is not None and not isinstance(slots, dict):
        raise ValueError(f"Line {number}: slots must be an object.")
    given = None if slots is None else {name: str(slots[name]) for name in SLOTS if slots.get(name)}
    return Labelled(row["text"], row["intent"], given)


def evaluate(labelled: Sequence[Labelled], *, now_ms: int, timezone: str = "UTC") -> Evaluation:
    """Understand each utterance, as triage_agent does without a language model, and compare."""
    understood = [understand(line.text, now_ms=now_ms, timezone=timezone) for line in labelled]
    pairs = list(zip(labelled, understood, strict=True))
    inside = [(line, found) for line, found in pairs if line.intent != OUT_OF_SCOPE]
    rejected = [line for line, found in pairs if found.route != "agent"]
    outside = [line for line in rejected if line.intent == OUT_OF_SCOPE]
    return Evaluation(
        in_scope_accuracy=Share(
            sum(found.route == "agent" and found.intent == line.intent for line, found in inside), len(inside)
        ),
        out_of_scope_recall=Share(len(outside), len(labelled) - len(inside)),
        out_of_scope_precision=Share(len(outside), len(rejected)),
        slots={name: _slot_score(name, pairs) for name in SLOTS},
        confusion=Counter((line.intent, _predicted(found)) for line, found in pairs),
        predictions=understood,
    )


def _predicted(found: Understanding) -> str:
    return CLARIFIED if found.route == "clarify" else found.intent


def _slot_score(name: str, pairs: Sequence[tuple[Labelled, Understanding]]) -> SlotScore:
    right = predicted = labelled = 0
    for line, found in pairs:
        if line.slots is None:
            continue
        want, have = line.slots.get(name), getattr(found.slots, name)
        predicted += have is not None
        labelled += want is not None
        right += want is not None and have is not None and _same(name, want, have)
    return SlotScore(right, predicted, labelled)


def _same(name: str, want: str, have: str) -> bool:
    if name in ("period", "volume_change"):
        return bool(_words(want) & _words(have))
    if name == "model":
        return _model(want) == _model(have)
    return want.strip().lower() == have.lower()


def _words(text: str) -> set[str]:
    return {word.strip(".,;:!?'\"") for word in text.lower().split()} - {
        "the",
        "in",
        "of",
        "on",
        "a",
        "since",
        "from",
        "by",
    }


def _model(name: str) -> str:
    return "".join(c for c in (canonical(name.lower()) or name).lower() if c.isalnum())
