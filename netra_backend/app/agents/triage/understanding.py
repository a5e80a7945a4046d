"""What a message asks, as far as can be told: the one entrance to triage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from ..agent import PastMessage
from .intents import INTENTS, OUT_OF_SCOPE
from .model_names import ModelMention, find_models
from .periods import Period, find_periods
from .rules import Decision, decide
from .slots import find_group_by, find_lever, find_volume_change
from .text import Text, read

Route = Literal["agent", "clarify", "refuse"]
DecidedBy = Literal["rule", "classifier", "model"]


@dataclass(frozen=True, slots=True)
class Slots:
    """What a message names: each as said or, for models, levers and dimensions, by its name in our lists."""

    period: str | None = None
    model: str | None = None
    lever: str | None = None
    group_by: str | None = None
    volume_change: str | None = None

    def as_json(self) -> dict[str, str]:
        """The slots that are filled."""
        names = ("period", "model", "lever", "group_by", "volume_change")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Understanding:
    """One request. ``parts`` holds, in order, each request of a message that makes several; the first is this one.

    ``period`` is ``slots.period`` in dates; ``models`` are all models named, ``slots.model`` the one that the request is
    about (the target of a supposed move); ``dimensions`` are all of ``group_by``; ``volume_factor`` is ``volume_change``
    as a factor where it is one. ``question`` is what to ask back where ``route`` is ``clarify``.
    """

    intent: str
    confidence: float
    route: Route
    slots: Slots = Slots()
    reasons: tuple[str, ...] = ()
    decided_by: DecidedBy = "rule"
    period: Period | None = None
    models: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    volume_factor: float | None = None
    question: str | None = None
    alternatives: tuple[str, ...] = ()
    text: str = ""
    parts: tuple[Understanding, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """This understanding as plain JSON."""
        return {
            "intent": self.intent,
            "confidence": round(self.confidence, 3),
            "route": self.route,
            "slots": self.slots.as_json(),
            "reasons": list(self.reasons),
            "decided_by": self.decided_by,
            "period": None if self.period is None else self.period.as_json(),
            "models": list(self.models),
            "dimensions": list(self.dimensions),
            "volume_factor": self.volume_factor,
            "question": self.question,
            "alternatives": list(self.alternatives),
            "parts": [part.as_json() for part in self.parts],
        }


def understand(
    message: str, *, now_ms: int, timezone: str = "UTC", history: Sequence[PastMessage] = ()
) -> Understanding:
    """Say what ``message`` asks. Deterministic; never raises, whatever the message.

    ``now_ms`` and ``timezone`` resolve periods in words to dates; ``history`` (oldest first) completes a fragment such as
    "and last week?".
    """
    return _understand_one(read(message), now_ms, timezone)


def _understand_one(text: Text, now_ms: int, timezone: str) -> Understanding:
    models = find_models(text)
    periods = find_periods(text, now_ms=now_ms, timezone=timezone)
    lever = find_lever(text)
    dimensions = find_group_by(text)
    volume = find_volume_change(text)
    decision = decide(text, models, lever=lever, dimensions=dimensions, volume=volume is not None)
    period = periods[0] if periods else None
    model = _subject(text, models)
    slots = Slots(
        period=None if period is None else period.said,
        model=None if model is None else model.name,
        lever=lever,
        group_by=dimensions[0] if dimensions else None,
        volume_change=volume[0] if volume and decision.intent == "what_if" else None,
    )
    return Understanding(
        intent=decision.intent,
        confidence=decision.confidence,
        route=_route(decision),
        slots=slots,
        reasons=decision.reasons,
        decided_by="rule",
        period=period,
        models=tuple(dict.fromkeys(mention.name for mention in models)),
        dimensions=dimensions,
        volume_factor=volume[1] if volume and slots.volume_change else None,
        question=_question(decision) if _route(decision) == "clarify" else None,
        text=text.said,
    )


_THRESHOLD: Final = 0.5


def _route(decision: Decision) -> Route:
    if decision.confidence < _THRESHOLD:
        return "clarify"
    return "refuse" if decision.intent == OUT_OF_SCOPE else "agent"


def _question(decision: Decision) -> str:
    if decision.intent == OUT_OF_SCOPE:
        return "What would you like to know about your LLM spend: a total, a split, a saving, a price or a forecast?"
    return f"Do you want to know {INTENTS[decision.intent]}, or something else?"


def _subject(text: Text, models: Sequence[ModelMention]) -> ModelMention | None:
    """The model that a request is about: where it is moved to, else the first named."""
    for mention in models:
        before = text.lower[max(0, mention.start - 16) : mention.start].split()
        if before and before[-1] in ("to", "onto", "with", "into", "use", "using", "on"):
            return mention
    return models[0] if models else None
